import { formatDuration, parseDuration } from './duration';
import { UsageError } from './errors';

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['1.5h', 5_400_000],
  ['5m', 300_000],
  ['1d', 86_400_000],
  ['0s', 0],
])('%s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 'm', '-5m', '5 m', '5m30s', '1e3s', 'Infinity'])('%j is refused', (text) => {
  expect(() => parseDuration(text)).toThrow(UsageError);
});

test.each([
  [300, '0.3s'],
  [90_000, '90s'],
  [300_000, '5m'],
])('%i ms read %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
