// Filters in the address: what makes no sense is as good as not there.
import { expect, test } from 'vitest';

import { isFiltered, readFilters, toQuery } from './filters';

const read = (query: string) => readFilters(new URLSearchParams(query), false);

test('an address is read and told to the API', () => {
  const filters = read('q=invoice&status=failed&tag=a,b&from=2024-01-01&sort=-title');
  expect(toQuery(filters)).toEqual({ q: 'invoice', status: 'failed', tag: 'a,b', from: '2024-01-01', sort: '-title' });
  expect(isFiltered(filters)).toBe(true);
});

test('nonsense in an address is left out', () => {
  const filters = read('status=lost&from=yesterday&sort=colour&tag=,,');
  expect(toQuery(filters)).toEqual({});
  expect(isFiltered(filters)).toBe(false);
});

test('an order alone is no filter', () => {
  expect(isFiltered(read('sort=oldest'))).toBe(false);
});
