// Reads an object of Kubernetes as JSON and says whether the schema of its kind allows it: node validate.mjs FOLDER < object.json
// FOLDER is that of the package which has the schema.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const object = JSON.parse(readFileSync(0, 'utf8'));
const file = join(process.argv[2], object.apiVersion, `${object.kind}.js`);
const { [object.kind]: Model } = await import(pathToFileURL(file));
try {
  new Model(object).validate();
  console.log('allowed');
} catch (error) {
  console.log(`refused: ${error.message}`);
}
