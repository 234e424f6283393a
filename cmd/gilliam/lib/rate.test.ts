import { parseRate } from './rate';

test.each([
  ['2/s', 500],
  ['30/m', 2_000],
  ['10/h', 360_000],
  ['0.5/s', 2_000],
  ['100000/s', 1],
])('%s is one every %d ms', (text, ms) => expect(parseRate(text)).toBe(ms));

test.each(['', '2', '0/s', '-1/s', '2/d', '2 /s', '1e3/s', '2/s/s'])('%j is refused', (text) =>
  expect(() => parseRate(text)).toThrow(/is not a rate: write 2\/s, 30\/m or 10\/h/),
);
