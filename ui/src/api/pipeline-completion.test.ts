// Completion in a pipeline file, on the schema that the server gives out.
import { readFileSync } from 'node:fs';

import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { expect, test } from 'vitest';

import { completeFrom, type JsonSchema } from './pipeline-completion';

const schema = JSON.parse(readFileSync(new URL('../../../docs/reference/pipeline.schema.json', import.meta.url), 'utf8')) as JsonSchema;

/** The labels that are offered where `|` stands. */
async function offered(text: string): Promise<string[]> {
  const pos = text.indexOf('|');
  const state = EditorState.create({ doc: text.replace('|', '') });
  const result = await completeFrom(schema)(new CompletionContext(state, pos, true));
  return result?.options.map(({ label }) => label) ?? [];
}

test('the keys of the file, of a stage and of a field', async () => {
  expect(await offered('na|')).toEqual(['name', 'stages']);
  expect(await offered('name: x\nstages:\n  - |')).toContain('type');
  expect(await offered('name: x\nstages:\n  - type: ocr\n    la|')).toContain('languages');
  expect(await offered('stages:\n  - type: parse\n    fields:\n      - name: a\n        p|')).toEqual(['all', 'name', 'pattern']);
});

test('the values of keys that take only a few', async () => {
  expect(await offered('stages:\n  - type: |')).toEqual(['ocr', 'parse', 'ai', 'report']);
  expect(await offered('stages:\n  - type: ocr\n    mode: f|')).toEqual(['auto', 'force', 'off']);
  expect(await offered('stages:\n  - type: parse\n    fields:\n      - name: a\n        all: |')).toEqual(['true', 'false']);
});

test('nothing where anything can stand', async () => {
  expect(await offered('name: |')).toEqual([]);
});
