// Boxes on a page that is turned.
import { expect, test } from 'vitest';

import { frameOf, type Box } from './places';

const PAGE = { width: 200, height: 400 };
const BOX: Box = [20, 40, 60, 80];

test('a box is a share of the page', () => {
  const { left, top, width, height } = frameOf(BOX, PAGE, 0);
  expect([left, top, height]).toEqual([0.1, 0.1, 0.1]);
  expect(width).toBeCloseTo(0.2);
});

test('a quarter turn clockwise brings the upper left corner to the upper right one', () => {
  const frame = frameOf([0, 0, 20, 40], PAGE, 1);
  expect(frame.left + frame.width).toBeCloseTo(1);
  expect(frame.top).toBeCloseTo(0);
  expect([frame.width, frame.height]).toEqual([0.1, 0.1]);
});

test('four quarters are none, and turns backwards are turns', () => {
  expect(frameOf(BOX, PAGE, 4)).toEqual(frameOf(BOX, PAGE, 0));
  expect(frameOf(BOX, PAGE, -1)).toEqual(frameOf(BOX, PAGE, 3));
  for (const turns of [0, 1, 2, 3]) {
    const { left, top, width, height } = frameOf(BOX, PAGE, turns);
    expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
    expect(Math.max(left + width, top + height)).toBeLessThanOrEqual(1);
  }
});
