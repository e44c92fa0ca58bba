// What a job left, as the pages show it.
import type { Box } from './places';
import { bytesHere } from './address';
import { isProblem, take } from './client';

/** One field of the artifact `fields`. */
export interface FoundField {
  /** Names one field among those of the document. */
  key: string;
  name: string;
  value: string;
  /** From 1. */
  page: number;
  box: Box;
  /** 0 to 1. */
  confidence: number;
  /** The pattern that found it. */
  rule: string;
}

/** The text of each page. */
export async function readText(href: string): Promise<string[]> {
  return (await fetched(href)).split('\f');
}

/** The fields, in the order of the pipeline. */
export async function readFields(href: string): Promise<FoundField[]> {
  const { fields } = JSON.parse(await fetched(href)) as { fields: Omit<FoundField, 'key'>[] };
  return fields.map((field, at) => ({ ...field, key: String(at) }));
}

async function fetched(href: string): Promise<string> {
  const get = async () => {
    const response = await fetch(bytesHere(href));
    if (response.ok) return { data: await response.text(), response };
    const error: unknown = await response.json().catch(() => undefined);
    return { error: isProblem(error) ? error : undefined, response };
  };
  return take<string>(get());
}
