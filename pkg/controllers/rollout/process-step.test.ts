import * as fc from 'fast-check';
import type { ProcessFleet, Share } from './fleet';
import { back, forward, isReached, stageOf } from './process-step';

const share = (release: string, factor: number, ready = factor, original = factor): Share => ({
  ...{ release, factor, ready, original },
});
const fleet = (old: Share[], factor: number, healthy = factor, goal = 4, original = 0): ProcessFleet => ({
  process: 'web',
  old,
  next: { ...share('v3', factor, healthy, original), healthy, goal },
});
const calm = { surge: 1, budget: Infinity, hasty: false };

describe('a step forward', () => {
  test.each<[string, ProcessFleet, Partial<typeof calm>, number[], number]>([
    ['begins with one new one', fleet([share('v1', 4)], 0), {}, [4], 1],
    ['begins with as many as the surge says', fleet([share('v1', 4)], 0), { surge: 3 }, [4], 3],
    ['waits for it to be healthy', fleet([share('v1', 4)], 1, 0), {}, [4], 1],
    ['lets an old one go for it', fleet([share('v1', 4)], 1, 1), {}, [3], 2],
    ['keeps to its budget', fleet([share('v1', 4)], 1, 1), { surge: 9, budget: 1 }, [3], 2],
    ['may let old ones go without making new ones', fleet([share('v1', 4)], 2, 2), { budget: 0 }, [2], 2],
    ['begins with the oldest', fleet([share('v1', 2), share('v2', 2)], 1, 1), {}, [1, 2], 2],
    ['but first with what is not ready', fleet([share('v1', 2), share('v2', 2, 1)], 1, 1), {}, [2, 1], 2],
    ['then with what was on its way out', fleet([share('v1', 4), share('v2', 1, 1, 0)], 0), {}, [4, 0], 1],
    ['lets what is not ready go at once in haste', fleet([share('v1', 4, 1)], 4, 0), { hasty: true }, [1], 4],
    ['but not otherwise', fleet([share('v1', 4, 1)], 4, 0), {}, [4], 4],
    ['ends with nothing old', fleet([share('v1', 1, 1, 4)], 4, 4), {}, [0], 4],
    ['makes more where more are wished', fleet([share('v1', 2)], 0, 0, 5), {}, [2], 4],
    ['makes fewer where fewer are wished', fleet([share('v1', 6)], 0, 0, 2), {}, [2], 2],
    ['lowers what it had to what is wished', fleet([share('v1', 5)], 8, 8, 5, 8), {}, [0], 5],
    ['also before that is healthy', fleet([share('v1', 5)], 8, 2, 5, 8), {}, [3], 5],
  ])('%s', (_, given, pace, old, next) => {
    expect(forward(given, stageOf(given, undefined), { ...calm, ...pace })).toEqual({ old, next });
  });

  it('stops at the canary, with as many in all as before', () => {
    const given = fleet([share('v1', 4)], 1, 1);
    const stage = stageOf(given, 1);
    const step = forward(given, stage, calm);
    expect(step).toEqual({ old: [3], next: 1 });
    expect(isReached(given, stage, step)).toBe(true);
    expect(isReached(fleet([share('v1', 4)], 1, 0), stage, step)).toBe(false);
  });

  it('takes nothing from the new release at its canary', () => {
    const given = fleet([share('v1', 5)], 8, 8, 5, 8);
    const stage = stageOf(given, 1);
    const step = forward(given, stage, calm);
    expect(step).toEqual({ old: [5], next: 8 });
    expect(isReached(given, stage, step)).toBe(true);
  });
});

describe('a step back', () => {
  test.each<[string, ProcessFleet, number[], number]>([
    ['brings all old ones back at once', fleet([share('v1', 1, 1, 4)], 3), [4], 3],
    ['keeps new ones until old ones are ready', fleet([share('v1', 4, 2)], 3), [4], 2],
    ['lets new ones go that are not ready', fleet([share('v1', 4, 1)], 3, 1), [4], 1],
    ['ends when the old ones are ready', fleet([share('v1', 4)], 2), [4], 0],
    ['leaves what the new release had before', fleet([share('v1', 4)], 6, 6, 6, 2), [4], 2],
    ['and what was taken of that comes back', fleet([share('v1', 0, 0, 5)], 5, 5, 5, 8), [5], 8],
    [
      'keeps what was on its way out already until there is enough',
      fleet([share('v1', 2, 0), share('v2', 1, 1, 0)], 1, 0),
      [2, 1],
      0,
    ],
    ['and lets it go then', fleet([share('v1', 2, 2), share('v2', 1, 1, 0)], 1), [2, 0], 0],
    ['or when new ones are enough', fleet([share('v1', 2, 0), share('v2', 1, 1, 0)], 2), [2, 0], 2],
  ])('%s', (_, given, old, next) => {
    expect(back(given)).toEqual({ old, next });
  });

  test.each<[string, ProcessFleet, number]>([
    ['lets all new ones go where one of the old is ready', fleet([share('v1', 4, 1)], 3), 0],
    ['keeps new ones where none of the old is', fleet([share('v1', 4, 0)], 3), 3],
    ['keeps what the new release had before', fleet([share('v1', 4, 1)], 3, 3, 4, 2), 2],
  ])('that is forced %s', (_, given, next) => {
    expect(back(given, true)).toEqual({ old: [4], next });
  });
});

const count = fc.integer({ min: 0, max: 8 });
const anyFleet = fc
  .record({
    // The last says how many more there were before, or fewer.
    olds: fc.array(fc.tuple(count, count, fc.integer({ min: -4, max: 8 })), { minLength: 1, maxLength: 3 }),
    next: fc.tuple(count, count, count),
    goal: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ olds, next: [factor, ready, healthy], goal }) => {
    const old = olds.map(([factor, ready, gone], index) =>
      share(`v${index + 1}`, factor, Math.min(ready, factor), Math.max(0, factor + gone)),
    );
    return { ...fleet(old, factor, Math.min(ready, factor, healthy), goal) };
  });
const total = (factors: readonly number[]) => factors.reduce((sum, factor) => sum + factor, 0);
/** What is ready of a release when so many are kept: the formation controller stops first what is not. */
const kept = ({ ready }: Share, factor: number) => Math.min(ready, factor);

it('invariant 3/7: no step, whatever is ready and wherever it stands, leaves less ready than the floor or than there was', () => {
  fc.assert(
    fc.property(
      anyFleet,
      fc.option(count, { nil: undefined }),
      count,
      fc.boolean(),
      (given, canary, surge, hasty) => {
        const before = total(given.old.map((one) => kept(one, one.factor))) + given.next.ready;
        const stage = stageOf(given, canary === 0 ? 1 : canary);
        const step = forward(given, stage, { surge: surge || 1, budget: Infinity, hasty });
        const after =
          total(given.old.map((one, index) => kept(one, step.old[index] ?? 0))) + given.next.ready;
        expect(after).toBeGreaterThanOrEqual(Math.min(before, stage.floor));
        expect(step.next).toBeGreaterThanOrEqual(Math.min(given.next.factor, stage.next));
        const taken = back(given);
        const floor = total(given.old.map(({ original }) => original)) + given.next.original;
        const ready =
          total(given.old.map((one, index) => kept(one, taken.old[index] ?? 0))) +
          Math.min(given.next.ready, taken.next);
        expect(ready).toBeGreaterThanOrEqual(Math.min(before, floor));
      },
    ),
    { numRuns: 2_000 },
  );
});

it('whatever there was of which release, steps end with what is wished and nothing else', () => {
  fc.assert(
    fc.property(anyFleet, count, (given, surge) => {
      let now = given;
      for (let n = 0; n < 200; n++) {
        const stage = stageOf(now, undefined);
        const step = forward(now, stage, { surge: surge || 1, budget: Infinity, hasty: false });
        // All that is there gets ready between two steps.
        const old = now.old.map((one, index) =>
          share(one.release, step.old[index] ?? 0, undefined, one.original),
        );
        now = { ...now, old, next: { ...now.next, factor: step.next, ready: step.next, healthy: step.next } };
        if (isReached(now, stage, { old: old.map(({ factor }) => factor), next: step.next })) break;
      }
      expect({ old: total(now.old.map(({ factor }) => factor)), next: now.next.factor }).toEqual({
        ...{ old: 0, next: given.next.goal },
      });
    }),
    { numRuns: 500 },
  );
});
