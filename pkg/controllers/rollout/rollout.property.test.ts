import * as fc from 'fast-check';
import type { RolloutSpec } from '../../gen/gilliam/v1/rollout';
import { RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { rollouts } from '../../resource/objects';
import type { Candidate } from '../../testing/control-harness';
import { ControlHarness } from '../../testing/control-harness';
import { isReady } from '../formation/process-plan';
import { RolloutRig, SHOP } from './testing';

const factors = fc.record({ web: fc.integer({ min: 1, max: 7 }), worker: fc.integer({ min: 0, max: 4 }) });
const options: fc.Arbitrary<Partial<RolloutSpec>> = fc.record({
  surge: fc.integer({ min: 0, max: 4 }),
  paceMs: fc.constantFrom(0, 0, 300, 1_000),
  waitHealthyMs: fc.constantFrom(0, 0, 400),
  immediate: fc.boolean(),
  canary: fc.option(
    fc.record({
      size: fc.oneof(
        fc.record({ $case: fc.constant('instances' as const), value: fc.integer({ min: 1, max: 5 }) }),
        fc.record({ $case: fc.constant('percent' as const), value: fc.integer({ min: 1, max: 100 }) }),
      ),
      trafficPercent: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    }),
    { nil: undefined },
  ),
});
const maybe = fc.option(factors, { nil: undefined });
const scenario = fc.record({
  ...{ seed: fc.integer(), first: factors, second: maybe, options },
  /** What the release that takes over has already. */
  third: maybe,
  /** What is to be in the end, where it is not the sum of all. */
  wished: maybe,
  /** After how long it is taken back, where it is. */
  abortMs: fc.option(fc.integer({ min: 0, max: 4_000 }), { nil: undefined }),
  /** Which writes of rollouts are their leaders' last ones. */
  deadly: fc.array(fc.boolean(), { maxLength: 12 }),
  /** How leaders see and reach the store. */
  lagMs: fc.constantFrom(0, 0, 250),
  faultRate: fc.constantFrom(0, 0, 0.05),
});

/** Leaders that die by the list, each followed by another one. */
function succession(
  stage: ControlHarness,
  { deadly, lagMs, faultRate }: { deadly: readonly boolean[]; lagMs: number; faultRate: number },
): void {
  let writes = 0;
  const follow = (leader: Candidate, number: number): void => {
    Object.assign(leader.faults, { lagMs, faultRate });
    leader.faults.onCommit = (written, moment) => {
      if (moment === 'before' || !written.some(({ kind }) => kind.name === rollouts.name)) return;
      if (!deadly[writes++]) return;
      leader.kill();
      follow(stage.start(`leader-${number + 1}`, { metrics: () => [] }), number + 1);
      throw new Error('killed');
    };
  };
  follow(stage.start('leader-1', { metrics: () => [] }), 1);
}

/** What is there of all releases together. */
function together(...parts: (Record<string, number> | undefined)[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const part of parts) {
    for (const [name, count] of Object.entries(part ?? {})) {
      if (count > 0) sum[name] = (sum[name] ?? 0) + count;
    }
  }
  return sum;
}

const shown = (release: string, given: Record<string, number> | undefined): string[] => {
  const parts = Object.entries(together(given)).map(([process, factor]) => `${process}=${factor}`);
  return parts.length === 0 ? [] : [`${release} ${parts.sort().join(' ')}`];
};

/** `v1 worker=1 web=2` with its processes in order. */
function sorted(line: string): string {
  const [release = '', ...parts] = line.split(' ');
  return [release, ...parts.sort()].join(' ');
}

it('invariant 3/7: whatever runs and whoever dies, a rollout comes to its end and never leaves less ready than before', async () => {
  await fc.assert(
    fc.asyncProperty(
      scenario,
      async ({ seed, first, second, third, wished, options, abortMs, ...leaders }) => {
        const stage = new ControlHarness(seed);
        const rig = new RolloutRig(stage);
        const asked = {
          ...options,
          ...(options.canary && { immediate: false }),
          ...(wished && { factors: wished }),
        };
        succession(stage, leaders);
        for (const name of ['e1', 'e2', 'e3']) await stage.executor(name);
        await stage.formation(SHOP, 'web', 'worker');
        for (const name of ['v2', 'v3']) await stage.release(SHOP, name, 'web', 'worker');
        await stage.scale(SHOP, 'v1', together(first));
        if (second) await stage.scale(SHOP, 'v2', together(second));
        if (third) await stage.scale(SHOP, 'v3', together(third));
        const all = together(first, second, third);
        const end = together(wished ?? all);
        const count = Object.values(all).reduce((sum, factor) => sum + factor, 0);
        const ready = async () => (await stage.living(SHOP)).filter(isReady).length;
        for (let turn = 0; turn < 300 && (await ready()) < count; turn++) await stage.run(200);
        const floor = Object.entries(all).map(([name, factor]) => [name, Math.min(factor, end[name] ?? 0)]);
        await rig.guard(Object.fromEntries(floor) as Record<string, number>);
        await rig.begin('v3', asked);
        if (abortMs !== undefined) {
          await stage.run(abortMs);
          const over = /succeeded/.test(await rig.phase());
          if (!over) await rig.wish(RolloutSpec_Intent.ABORT);
        }
        let phase = await rig.settle(300_000);
        if (phase === 'paused') {
          await rig.wish(RolloutSpec_Intent.PROMOTE);
          phase = await rig.settle(300_000);
        }
        const left =
          phase === 'succeeded' ? Object.values(end).reduce((sum, factor) => sum + factor, 0) : count;
        for (let turn = 0; turn < 100 && (await stage.living(SHOP)).length !== left; turn++)
          await stage.run(300);
        const seen = await rig.factors();
        const living = (await stage.living(SHOP)).length;
        rig.close();
        await stage.close();
        const back = [...shown('v1', first), ...shown('v2', second), ...shown('v3', third)];
        if (phase !== 'succeeded') expect(phase).toBe('aborted: Requested');
        expect(seen.map(sorted)).toEqual(phase === 'succeeded' ? shown('v3', end) : back);
        expect(living).toBe(left);
        expect(rig.shortages).toEqual([]);
      },
    ),
    { numRuns: Number(process.env.ROLLOUT_RUNS ?? 20) },
  );
}, 120_000);
