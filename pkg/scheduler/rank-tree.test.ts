import fc from 'fast-check';
import { RankTree } from './rank-tree';

function bestOf(ranks: readonly number[]): number | undefined {
  return ranks.length === 0 ? undefined : ranks.indexOf(Math.max(...ranks));
}

describe('RankTree', () => {
  test('there is no best of none', () => {
    expect(new RankTree(new Float64Array()).best).toBeUndefined();
  });

  test('the best is the first of the highest ranks, after every change', () => {
    const rank = fc.constantFrom(-Infinity, -1, 0, 1, 2, 3, Number.MAX_VALUE);
    fc.assert(
      fc.property(
        fc.array(rank, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.array(fc.tuple(fc.nat(39), rank), { maxLength: 60, size: 'max' }),
        (start, changes) => {
          const ranks = [...start];
          const tree = new RankTree(Float64Array.from(ranks));
          expect(tree.best).toBe(bestOf(ranks));
          for (const [index, changed] of changes) {
            if (index >= ranks.length) continue;
            ranks[index] = changed;
            tree.update(index, changed);
            expect(tree.rankOf(index)).toBe(changed);
            expect(tree.best).toBe(bestOf(ranks));
          }
        },
      ),
    );
  });

  test('indexes above 16 bits are kept', () => {
    const ranks = new Float64Array(70_000);
    ranks[69_999] = 1;
    expect(new RankTree(ranks).best).toBe(69_999);
  });
});
