import fc from 'fast-check';
import { WinnerTree } from './winner-tree';

const beats =
  (scores: readonly number[]) =>
  (left: number, right: number): boolean =>
    scores[left] === scores[right] ? left < right : (scores[left] as number) > (scores[right] as number);

function bestOf(scores: readonly number[]): number {
  return scores.reduce((best, _, index) => (best === -1 || beats(scores)(index, best) ? index : best), -1);
}

describe('WinnerTree', () => {
  test('nobody wins where nobody plays', () => {
    expect(new WinnerTree(0, () => true).winner).toBe(-1);
  });

  test('the winner is the best player after every change', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(39), fc.nat(5)), { maxLength: 60 }),
        (start, changes) => {
          const scores = [...start];
          const tree = new WinnerTree(scores.length, beats(scores));
          expect(tree.winner).toBe(bestOf(scores));
          for (const [player, score] of changes) {
            if (player >= scores.length) continue;
            scores[player] = score;
            tree.update(player);
            expect(tree.winner).toBe(bestOf(scores));
          }
        },
      ),
    );
  });
});
