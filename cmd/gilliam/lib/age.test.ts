import { age } from './age';

const now = Date.UTC(2026, 0, 31, 12);

test.each([
  [0, 'just now'],
  [4999, 'just now'],
  [5000, '5 seconds ago'],
  [59_999, '59 seconds ago'],
  [60_000, '1 minute ago'],
  [2 * 60_000, '2 minutes ago'],
  [3_600_000, '1 hour ago'],
  [47 * 3_600_000, '1 day ago'],
  [400 * 86_400_000, '400 days ago'],
  // The clock of an executor may be ahead of ours.
  [-60_000, 'just now'],
])('%i ms ago: %s', (passedMs, text) => {
  expect(age(new Date(now - passedMs), now)).toBe(text);
});

test('a time that is not known', () => {
  expect(age(undefined, now)).toBe('unknown');
});
