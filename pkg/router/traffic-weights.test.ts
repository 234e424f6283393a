import fc from 'fast-check';
import type { Entry } from '../registry/types';
import { trafficWeights } from './traffic-weights';

const entry = (release: string, trafficPercent?: number): Entry => ({
  ...{ formation: 'shop', service: 'web', instance: '1', origin: 'e1', source: 'agent', version: '1' },
  ...{ heardMs: 0, stale: false },
  body: { host: '10.0.0.1', port: 1, release, ...(trafficPercent !== undefined && { trafficPercent }) },
});

test('without shares all servers are alike', () => {
  expect(trafficWeights([entry('v1'), entry('v2')])).toEqual([1, 1]);
});

test('a canary of none gets none', () => {
  expect(trafficWeights([entry('v1'), entry('v2', 0)])).toEqual([256, 0]);
});

test('a release gets its share within half a hundredth of all, however many instances there are', () => {
  const count = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(count, count, count, fc.integer({ min: 1, max: 99 }), (old, older, young, percent) => {
      const entries = [
        ...Array.from({ length: old }, () => entry('v2')),
        ...Array.from({ length: older }, () => entry('v1')),
        ...Array.from({ length: young }, () => entry('v3', percent)),
      ];
      const weights = trafficWeights(entries);
      const sum = weights.reduce((a, b) => a + b, 0);
      const own = weights.slice(old + older).reduce((a, b) => a + b, 0);
      expect(Math.abs(own / sum - percent / 100)).toBeLessThanOrEqual(0.005);
      expect(weights.every((weight) => weight >= 0 && weight <= 256)).toBe(true);
    }),
  );
});
