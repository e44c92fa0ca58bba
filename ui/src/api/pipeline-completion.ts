// Completion in a pipeline file, from its JSON Schema: keys where a key can stand, values where a key has only a few.
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete';
import type { Text } from '@codemirror/state';

export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  enum?: string[];
  const?: string;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
}

/** A key at the beginning of a line, perhaps behind the dashes of lists. */
const KEY = /^(\s*(?:- +)*)([\w-]*)$/;
const VALUE = /^\s*(?:- +)*([\w-]+):\s+([\w-]*)$/;
const PARENT = /^(\s*(?:- +)*)([\w-]+):/;

/** What can stand at the cursor. */
export function completeFrom(schema: JsonSchema): CompletionSource {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const value = VALUE.exec(before);
    if (value) return ofValue(schema, context, line.number, value[1] ?? '', value[2] ?? '');
    const key = KEY.exec(before);
    if (!key || (!context.explicit && !key[2])) return null;
    const place = descend(schema, pathTo(context.state.doc, line.number, (key[1] ?? '').length));
    const options = Object.entries(place?.properties ?? {}).map(([name, of]) => option(`${name}: `, name, resolve(schema, of), 'property'));
    return result(context, key[2] ?? '', options);
  };
}

function ofValue(schema: JsonSchema, context: CompletionContext, line: number, key: string, typed: string): CompletionResult | null {
  const text = context.state.doc.line(line).text;
  const indent = (PARENT.exec(text)?.[1] ?? '').length;
  const place = descend(schema, pathTo(context.state.doc, line, indent));
  const of = place?.properties?.[key];
  return of ? result(context, typed, choices(schema, of)) : null;
}

function result(context: CompletionContext, typed: string, options: Completion[]): CompletionResult | null {
  return options.length > 0 ? { from: context.pos - typed.length, options, validFor: /^[\w-]*$/ } : null;
}

function option(apply: string, label: string, of: JsonSchema, type: string): Completion {
  return { label, apply, type, ...(of.description && { info: of.description }) };
}

/** The keys above a line, from the outermost one: each is indented less than the one below it. */
function pathTo(text: Text, from: number, indent: number): string[] {
  const path: string[] = [];
  let least = indent;
  for (let number = from - 1; number >= 1 && least > 0; number--) {
    const parent = PARENT.exec(text.line(number).text);
    if (!parent) continue;
    const [, lead = '', key = ''] = parent;
    if (lead.length < least) {
      least = lead.length;
      path.unshift(key);
    }
  }
  return path;
}

/** The schema below these keys; a list counts as what it holds. */
function descend(root: JsonSchema, path: readonly string[]): JsonSchema | undefined {
  let here: JsonSchema | undefined = root;
  for (const key of path) {
    const next: JsonSchema | undefined = here?.properties?.[key];
    here = next && resolve(root, next);
    if (here?.items) here = resolve(root, here.items);
  }
  return here;
}

function resolve(root: JsonSchema, of: JsonSchema): JsonSchema {
  const name = of.$ref?.split('/').at(-1);
  const named = name === undefined ? undefined : root.$defs?.[name];
  if (named) return { ...named, ...(of.description && { description: of.description }) };
  const variant = of.anyOf?.find(({ type }) => type !== 'null');
  return variant ? { ...resolve(root, variant), ...(of.description && { description: of.description }) } : of;
}

/** The few values that a key takes, if they are few. */
function choices(root: JsonSchema, of: JsonSchema): Completion[] {
  const real = resolve(root, of);
  const listed = (real.oneOf ?? []).filter((one) => one.const !== undefined);
  if (listed.length > 0) return listed.map((one) => option(String(one.const), String(one.const), one, 'enum'));
  if (real.enum) return real.enum.map((value) => option(value, value, {}, 'enum'));
  return real.type === 'boolean' ? ['true', 'false'].map((value) => option(value, value, {}, 'enum')) : [];
}
