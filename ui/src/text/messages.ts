// The words of the app. A translator edits the JSON files beside this one; their syntax is ICU MessageFormat.
import { IntlMessageFormat } from 'intl-messageformat';

import de from './de.json';
import en from './en.json';

export type MessageKey = keyof typeof en;
type Values = Record<string, string | number>;

const CATALOGUES: Record<string, Record<MessageKey, string>> = { en, de };
export const LANGUAGES = Object.keys(CATALOGUES);
const STORED = 'crpipeline.language';

/** The language of the words: chosen, else the browser's first that there is, else English. */
export const language = chosen() ?? navigator.languages.map(plain).find((code) => code in CATALOGUES) ?? 'en';
/** The reader's own way of writing numbers and times, also where the words are in another language. */
const locale = navigator.languages.find((tag) => plain(tag) === language) ?? language;
const formats = new Map<MessageKey, IntlMessageFormat>();

document.documentElement.lang = language;

/** The text of a key, with its values in place. */
export function t(key: MessageKey, values?: Values): string {
  let format = formats.get(key);
  if (!format) {
    format = new IntlMessageFormat((CATALOGUES[language] ?? en)[key], locale, undefined, { ignoreTag: true });
    formats.set(key, format);
  }
  return String(format.format(values));
}

/** Whether there is a text for a key that is put together from the server's words. */
export function isKey(key: string): key is MessageKey {
  return key in en;
}

/** The text of `prefix.name`, or the name itself for a word that is newer than this app. */
export function word(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  return isKey(key) ? t(key) : name.replaceAll('_', ' ');
}

/** Changes the language; the page loads again, since every text on it changes. */
export function choose(code: string): void {
  localStorage.setItem(STORED, code);
  location.reload();
}

function chosen(): string | undefined {
  const code = localStorage.getItem(STORED);
  return code !== null && code in CATALOGUES ? code : undefined;
}

function plain(tag: string): string {
  return tag.split('-')[0] ?? tag;
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** A size such as “1.2 MB”. */
export function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), BYTE_UNITS.length - 1);
  const unit = BYTE_UNITS[power] ?? 'byte';
  const digits = power > 0 && count / 1000 ** power < 10 ? 1 : 0;
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(
    count / 1000 ** power,
  );
}

/** A number as the reader writes it. */
export function number(value: number): string {
  return new Intl.NumberFormat(locale).format(value);
}

const MOMENT = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });

/** An instant (RFC 3339) in the reader's zone. */
export function moment(instant: string): string {
  return MOMENT.format(new Date(instant));
}

const INSTANT = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'medium' });

/** An instant to the second. */
export function instant(at: string): string {
  return INSTANT.format(new Date(at));
}

const AXIS = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** An instant on the axis of a plot. */
export function axisTime(at: string): string {
  return AXIS.format(new Date(at));
}

const DAY = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });

/** A day (YYYY-MM-DD), which has no zone. */
export function day(date: string): string {
  return DAY.format(new Date(`${date}T00:00:00Z`));
}

/** A span such as “3 min 20 s”. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const part = (value: number, unit: string) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'narrow' }).format(value);
  if (seconds < 10) {
    return new Intl.NumberFormat(locale, { style: 'unit', unit: 'second', unitDisplay: 'narrow', maximumFractionDigits: 1 }).format(
      Math.max(0, seconds),
    );
  }
  if (whole < 60) return part(whole, 'second');
  if (whole < 3600) return `${part(Math.floor(whole / 60), 'minute')} ${part(whole % 60, 'second')}`;
  return `${part(Math.floor(whole / 3600), 'hour')} ${part(Math.floor((whole % 3600) / 60), 'minute')}`;
}
