// Searching: words as people type them, marks where they stand.
import { expect, test } from 'vitest';

import { countOf, cut, wordsOf } from './marks';

test('a search is words, and what stands in quotes is one of them', () => {
  expect(wordsOf('  Old "The House" x" ')).toEqual(['old', 'the house', 'x']);
  expect(wordsOf('""')).toEqual([]);
});

test('a text is cut at its matches and stays whole', () => {
  const text = 'The old house, the Old barn';
  const pieces = cut(text, wordsOf('old'));
  expect(pieces.map((piece) => piece.text).join('')).toBe(text);
  expect(pieces.filter((piece) => piece.isMatch).map((piece) => piece.text)).toEqual(['old', 'Old']);
  expect(countOf(text, 'old the')).toBe(4);
});

test('a text whose letters change their length with their case is left alone', () => {
  expect(cut('İstanbul old', ['old'])).toEqual([{ text: 'İstanbul old', isMatch: false }]);
});

test('the longer of two words that begin at one place is marked', () => {
  expect(cut('barnyard', ['barn', 'barnyard'])).toEqual([{ text: 'barnyard', isMatch: true }]);
});
