import fc from 'fast-check';
import type { Entry } from '../registry/types';
import { turnsOf } from './turns';

const entry = (release: string, trafficPercent?: number): Entry => ({
  ...{ formation: 'shop', service: 'web', instance: '1', origin: 'e1', source: 'agent', version: '1' },
  ...{ heardMs: 0, stale: false },
  body: { host: '10.0.0.1', port: 1, release, ...(trafficPercent !== undefined && { trafficPercent }) },
});

test('without shares all are alike', () => {
  expect(turnsOf([entry('v1'), entry('v2')])).toBeUndefined();
});

test('a canary of none has no turn', () => {
  expect(turnsOf([entry('v1'), entry('v2', 0), entry('v1')])).toEqual([0, 2]);
});

test('a release has exactly its share of the turns, and its instances have as many as each other, but for a few', () => {
  const count = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(count, count, fc.integer({ min: 1, max: 99 }), (old, young, percent) => {
      const entries = [
        ...Array.from({ length: old }, () => entry('v1')),
        ...Array.from({ length: young }, () => entry('v2', percent)),
      ];
      const turns = turnsOf(entries) ?? [];
      expect(turns.filter((index) => index >= old)).toHaveLength((turns.length * percent) / 100);
      expect(turns.length).toBeLessThanOrEqual(4_000);
      const counts = entries.map((_, index) => turns.filter((turn) => turn === index).length);
      for (const group of [counts.slice(0, old), counts.slice(old)])
        expect(Math.max(...group) - Math.min(...group)).toBeLessThanOrEqual(1);
    }),
  );
});

test('turns are mixed: a canary of 5 % never has two in a row', () => {
  const turns = turnsOf([entry('v1'), entry('v2', 5)]) ?? [];
  expect(turns.some((turn, index) => turn === 1 && turns[index + 1] === 1)).toBe(false);
});
