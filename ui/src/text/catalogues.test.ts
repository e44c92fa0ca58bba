// The message catalogues: every language has every text, with the same values in it, and every text can be read.
import { TYPE, parse, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { expect, test } from 'vitest';

import de from './de.json';
import en from './en.json';

/** Names of the values in a message, however deep. */
function values(elements: MessageFormatElement[]): string[] {
  return elements.flatMap((element) => {
    const own = 'value' in element && element.type !== TYPE.literal ? [element.value] : [];
    const inner = 'options' in element ? Object.values(element.options).flatMap((option) => values(option.value)) : [];
    return [...own, ...inner];
  });
}

const named = (text: string) => [...new Set(values(parse(text, { ignoreTag: true })))].sort();

test('German has the texts that English has, with the same values', () => {
  expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) {
    expect(named(de[key as keyof typeof de]), key).toEqual(named(text));
  }
});

test('no text is empty', () => {
  for (const [key, text] of [...Object.entries(en), ...Object.entries(de)]) expect(text.trim(), key).not.toBe('');
});
