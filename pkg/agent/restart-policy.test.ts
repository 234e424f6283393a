import { formatDelay, judgeExit } from './restart-policy';

const exit = { exitCode: 1, upMs: 10, proven: false, previous: 0 };

test.each([
  ['a first exit', exit, { kind: 'restart', delayMs: 500, row: 1 }],
  ['a fourth in a row', { ...exit, previous: 3 }, { kind: 'restart', delayMs: 4000, row: 4 }],
  ['the hundredth', { ...exit, previous: 99 }, { kind: 'restart', delayMs: 60_000, row: 100 }],
  ['after a minute up', { ...exit, previous: 9, upMs: 60_000 }, { kind: 'restart', delayMs: 500, row: 1 }],
  ['exit 0 is an exit, too', { ...exit, exitCode: 0 }, { kind: 'restart', delayMs: 500, row: 1 }],
  ['cannot be executed', { ...exit, exitCode: 126 }, { kind: 'bad-command' }],
  ['not found', { ...exit, exitCode: 127 }, { kind: 'bad-command' }],
  [
    '127, but it was ready once',
    { ...exit, exitCode: 127, proven: true },
    { kind: 'restart', delayMs: 500, row: 1 },
  ],
  [
    '127, but after a second',
    { ...exit, exitCode: 127, upMs: 1000 },
    { kind: 'restart', delayMs: 500, row: 1 },
  ],
])('%s', (_, given, verdict) => {
  expect(judgeExit(given)).toEqual(verdict);
});

test.each([
  [500, '0.5 s'],
  [1000, '1 s'],
  [4000, '4 s'],
  [60_000, '60 s'],
  [300_000, '5 min'],
])('%d ms is %s', (ms, text) => {
  expect(formatDelay(ms)).toBe(text);
});
