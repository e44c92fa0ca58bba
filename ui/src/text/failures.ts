// What went wrong, in the reader's language. The server says it in English, with the facts of the case; other languages say
// what kind of failure it is, and let the server's sentence stand beside it.
import de from './de.failures.json';
import { language } from './messages';

type Sentences = Record<string, { what: string; remedy: string }>;
const CATALOGUES: Record<string, Sentences> = { de };

export interface Told {
  what: string;
  remedy: string;
  /** The server's own sentence, where `what` is a translation of its kind. */
  detail: string | undefined;
}

/** A failure or refusal by its code; a code that is newer than this app is told as the server tells it. */
export function told({ code, message, remedy }: { code?: string; message: string; remedy: string }, wanted = language): Told {
  const translated = code === undefined ? undefined : CATALOGUES[wanted]?.[code];
  return translated ? { ...translated, detail: message } : { what: message, remedy, detail: undefined };
}
