// A document in words.
import type { Document } from '../api/client';

/** What people call it: its title, else the name of its file. */
export function nameOf(document: Pick<Document, 'name' | 'title'>): string {
  return document.title ?? document.name;
}
