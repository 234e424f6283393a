import type { Action } from './scenario';
import { shrink } from './shrink';

const actions: readonly Action[] = Array.from({ length: 30 }, (_, index) => ({
  ...{ atMs: index, act: `act ${index}`, seed: index },
}));
const needs =
  (...wanted: readonly number[]) =>
  async (some: readonly Action[]) =>
    wanted.every((one) => some.some(({ seed }) => seed === one));

describe('shrink', () => {
  test.each([[[]], [[0]], [[29]], [[3, 4]], [[0, 15, 29]]])(
    'leaves the actions %j that matter',
    async (wanted) => {
      const left = await shrink(actions, needs(...wanted), 1_000);
      expect(left.map(({ seed }) => seed)).toEqual(wanted);
    },
  );

  test('tries no more often than it may', async () => {
    let tries = 0;
    const fails = async () => ++tries < 0;
    expect(await shrink(actions, fails, 10)).toEqual(actions);
    expect(tries).toBe(10);
  });
});
