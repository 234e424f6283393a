import fc from 'fast-check';
import { chooseByShare, groupsOf } from './share-turns';

const candidate = (over: { full?: boolean; ejected?: boolean } = {}) => ({
  ...{ outstanding: 0, full: over.full ?? false, ejected: () => over.ejected ?? false },
});
const shares = (weight: number) => [
  { release: 'v2', weight },
  { release: '', weight: 100 - weight },
];

test('shares are exact, also of few requests, from wherever the turns begin', () => {
  const begin = fc.integer({ min: 0, max: 1_000_000 });
  const percent = fc.integer({ min: 1, max: 99 });
  fc.assert(
    fc.property(begin, percent, fc.integer({ min: 200, max: 2_000 }), (turn, weight, count) => {
      const all = Array.from({ length: 10 }, () => candidate());
      const groups = groupsOf(all, {
        groups: all.map((_, index) => (index === 3 ? 'v2' : '')),
        shares: shares(weight),
      });
      let own = 0;
      for (let n = 0; n < count; n++) if (chooseByShare(groups, turn + n, 0) === all[3]) own++;
      expect(Math.abs(own / count - weight / 100)).toBeLessThan(0.02);
    }),
  );
});

test('who cannot answer leaves its share to the others, and none is left without an answer', () => {
  const [old, young] = [candidate(), candidate({ full: true })];
  const groups = groupsOf([old, young], { groups: ['', 'v2'], shares: shares(50) });
  for (let turn = 0; turn < 20; turn++) expect(chooseByShare(groups, turn, 0)).toBe(old);
  const sick = [candidate({ ejected: true }), candidate()];
  const others = groupsOf(sick, { groups: ['', 'v2'], shares: shares(1) });
  for (let turn = 0; turn < 20; turn++) expect(chooseByShare(others, turn, 0)).toBe(sick[1]);
  expect(chooseByShare(others, 0, 0, new Set([sick[1]]) as never)).toBe(sick[0]);
  expect(chooseByShare(others, 0, 0, new Set(sick) as never)).toBeUndefined();
});
