// Failures in other languages: every code that the API can answer has its sentence.
import { readFileSync } from 'node:fs';

import { expect, test, vi } from 'vitest';

import de from './de.failures.json';

vi.mock('./messages', () => ({ language: 'en' }));
const { told } = await import('./failures');

interface Api {
  components: { schemas: { FailureView: { properties: { code: { enum: string[] } } } } };
}

test('German has a sentence and a remedy for every failure code', () => {
  const api = JSON.parse(readFileSync(new URL('../../../docs/reference/openapi.json', import.meta.url), 'utf8')) as Api;
  const codes = api.components.schemas.FailureView.properties.code.enum;
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.filter((code) => !(code in de))).toEqual([]);
});

test('a translation keeps the facts of the case, English says what the server says', () => {
  const failure = { code: 'page_failed', message: 'Page 7 could not be recognised', remedy: 'Look at it.' };
  expect(told(failure)).toEqual({ what: failure.message, remedy: failure.remedy, detail: undefined });
  expect(told(failure, 'de')).toEqual({ ...de.page_failed, detail: failure.message });
  expect(told({ ...failure, code: 'newer_than_this' }, 'de').what).toBe(failure.message);
});
