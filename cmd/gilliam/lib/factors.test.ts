import fc from 'fast-check';
import { UsageError } from './errors';
import { formatFactors, parseScaleArguments } from './factors';

test.each([
  [[], undefined, {}],
  [['v2'], 'v2', {}],
  [['v2', 'web=2', 'worker=4'], 'v2', { web: 2, worker: 4 }],
  [['web=0', '_cache=1'], undefined, { web: 0, _cache: 1 }],
  // A process may have the name of a release: what has a `=` is a factor.
  [['v2=1'], undefined, { v2: 1 }],
])('%j', (words, release, factors) => {
  const parsed = parseScaleArguments(words);
  expect(parsed.release).toBe(release);
  expect(Object.fromEntries(parsed.factors)).toEqual(factors);
});

test.each([
  [['v0', 'web=1']],
  [['web=1', 'v2']],
  [['v1', 'v2', 'web=1']],
  [['web=+1']],
  [['web=0x1']],
  [['web= 1']],
])('%j is refused', (words) => {
  expect(() => parseScaleArguments(words)).toThrow(UsageError);
});

test('web comes first, then the others by name', () => {
  const factors = new Map([
    ['zeta', 1],
    ['alpha', 2],
    ['web', 3],
  ]);
  expect(formatFactors(factors)).toBe('web=3 alpha=2 zeta=1');
});

test('what is formatted is read again as the same factors', () => {
  const process = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(process, fc.nat(1000)), { selector: ([name]) => name, minLength: 1 }),
      (pairs) => {
        const { factors, release } = parseScaleArguments(formatFactors(new Map(pairs)).split(' '));
        expect(release).toBeUndefined();
        expect([...factors].sort()).toEqual([...pairs].sort());
      },
    ),
  );
});
