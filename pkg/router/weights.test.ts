import fc from 'fast-check';
import { serverWeights } from './weights';

test('without shares all servers are alike', () => {
  expect(serverWeights(['v1', 'v2', undefined], [])).toEqual([1, 1, 1]);
});

test('a release without a share gets nothing, one without servers leaves its share to the others', () => {
  const shares = [
    { release: 'v1', weight: 1 },
    { release: 'v3', weight: 9 },
  ];
  expect(serverWeights(['v1', 'v2'], shares)).toEqual([256, 0]);
});

test('releases get their shares within half a percent, whatever the numbers of their instances', () => {
  const release = fc.record({
    weight: fc.integer({ min: 1, max: 1_000 }),
    count: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(release, { minLength: 1, maxLength: 4 }), (releases) => {
      const names = releases.flatMap(({ count }, index) =>
        Array.from({ length: count }, () => `v${index + 1}`),
      );
      const shares = releases.map(({ weight }, index) => ({ release: `v${index + 1}`, weight }));
      const weights = serverWeights(names, shares);
      const sum = weights.reduce((a, b) => a + b, 0);
      const total = shares.reduce((a, { weight }) => a + weight, 0);
      for (const { release, weight } of shares) {
        const own = weights.reduce((a, b, index) => a + (names[index] === release ? b : 0), 0);
        expect(Math.abs(own / sum - weight / total)).toBeLessThanOrEqual(0.005);
      }
      expect(weights.every((weight) => weight >= 0 && weight <= 256)).toBe(true);
    }),
  );
});
