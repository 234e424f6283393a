import { RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import type { RolloutSpec } from '../../gen/gilliam/v1/rollout';
import { events, formations, instances, rollouts } from '../../resource/objects';
import { ControlHarness } from '../../testing/control-harness';
import type { ReleaseTraffic } from './fleet';
import { killAt, RolloutRig, SHOP } from './testing';

const { PROMOTE, ABORT } = RolloutSpec_Intent;

let stage: ControlHarness;
let rig: RolloutRig;
afterEach(async () => {
  rig.close();
  await stage.close();
  expect(rig.shortages).toEqual([]);
});

/** Two executors, and v1 that runs as it is scaled; v2 can take over. */
async function running(factors: Record<string, number>, traffic: () => ReleaseTraffic[] = () => []) {
  stage = new ControlHarness();
  rig = new RolloutRig(stage);
  const leader = stage.start('one', { metrics: () => traffic() });
  await stage.executor('e1');
  await stage.executor('e2');
  await stage.formation(SHOP, ...Object.keys(factors));
  await stage.release(SHOP, 'v2', ...Object.keys(factors));
  await stage.scale(SHOP, 'v1', factors);
  await stage.run(1_000);
  await rig.guard(factors);
  return leader;
}

const told = async () =>
  (await stage.store.list(events, { formation: SHOP })).items
    .filter(({ kind }) => kind === 'Release')
    .map(({ reason, message }) => `${reason}: ${message}`);

describe('a rollout', () => {
  it('moves all factors, new before old', async () => {
    await running({ web: 3, worker: 2 });
    await rig.begin('v2');
    expect(await rig.settle()).toBe('succeeded');
    expect(await rig.factors()).toEqual(['v2 web=3 worker=2']);
    await stage.run(2_000);
    expect((await stage.living(SHOP)).map(({ spec }) => spec.release)).toEqual(Array(5).fill('v2'));
    expect(await told()).toEqual([expect.stringMatching(/^Succeeded: v2 has taken over from v1 in \d+ s$/)]);
    expect((await stage.scaleOf(SHOP, 'v1'))?.spec.retired?.factors).toEqual({ web: 3, worker: 2 });
  });

  it('keeps to its pace', async () => {
    await running({ web: 4 });
    await rig.begin('v2', { paceMs: 5_000, surge: 4 });
    await stage.run(4_900);
    expect(await rig.factors()).toEqual(['v1 web=4', 'v2 web=1']);
    await stage.run(5_000);
    expect(await rig.factors()).toEqual(['v1 web=3', 'v2 web=2']);
    expect(await rig.settle()).toBe('succeeded');
  });

  it('waits until what is new has been healthy for long enough', async () => {
    await running({ web: 2 });
    await rig.begin('v2', { waitHealthyMs: 30_000 });
    await stage.run(29_000);
    expect(await rig.factors()).toEqual(['v1 web=2', 'v2 web=1']);
    await stage.run(2_000);
    expect(await rig.factors()).toEqual(['v1 web=1', 'v2 web=2']);
    expect(await rig.settle()).toBe('succeeded');
  });

  it('stops at its canary with its share of the traffic, and goes on when promoted', async () => {
    await running({ web: 10, worker: 2 });
    const canary = { size: { $case: 'percent', value: 10 }, trafficPercent: 5 } as const;
    await rig.begin('v2', { canary });
    expect(await rig.settle()).toBe('paused');
    expect(await rig.factors()).toEqual(['v1 web=9 worker=1', 'v2 web=1 worker=1 (5 %)']);
    await stage.run(60_000);
    expect(await rig.phase()).toBe('paused');
    await rig.wish(PROMOTE);
    expect(await rig.settle()).toBe('succeeded');
    expect(await rig.factors()).toEqual(['v2 web=10 worker=2']);
    expect((await told())[0]).toMatch(
      /Paused: .*web: v1 9, v2 1 of 10; worker: v1 1, v2 1 of 2: promote or abort/,
    );
  });

  it('puts back what was there when it is aborted', async () => {
    await running({ web: 4 });
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 2 }, trafficPercent: 50 } });
    expect(await rig.settle()).toBe('paused');
    await rig.wish(ABORT);
    expect(await rig.settle()).toBe('aborted: Requested');
    expect(await rig.factors()).toEqual(['v1 web=4']);
    expect((await stage.scaleOf(SHOP, 'v2'))?.spec.trafficPercent).toBeUndefined();
  });

  it('moves auxiliary services whole, and first', async () => {
    await running({ web: 2, _cache: 1 });
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 1 } } });
    expect(await rig.settle()).toBe('paused');
    expect(await rig.factors()).toEqual(['v1 web=1', 'v2 _cache=1 web=1']);
    const caches = (await stage.living(SHOP)).filter(({ spec }) => spec.process === '_cache');
    expect(caches.map(({ metadata }) => metadata.name)).toEqual(['_cache-1-1']);
    await rig.wish(ABORT);
    expect(await rig.settle()).toBe('aborted: Requested');
    expect(await rig.factors()).toEqual(['v1 _cache=1 web=2']);
  });

  it('leaves what the new release lacks until the end', async () => {
    await running({ web: 2 });
    await stage.release(SHOP, 'v3', 'api');
    await rig.guard({});
    await expect(rig.begin('v3')).rejects.toThrow(
      'v3 has no process for what runs: 2 of web (v1) would disappear: scale it to 0 first, or --allow-missing',
    );
    await rig.begin('v3', { allowMissing: true, factors: { api: 1 } });
    await stage.clock.settle();
    expect(await rig.factors()).toEqual(['v1 web=2', 'v3 api=1']);
    expect(await rig.settle()).toBe('succeeded');
    expect(await rig.factors()).toEqual(['v3 api=1']);
  });

  it('ends with its formation', async () => {
    await running({ web: 2 });
    await rig.guard({});
    await rig.begin('v2', { paceMs: 60_000 });
    await stage.run(500);
    await stage.deleteFormation(SHOP);
    await stage.run(5_000);
    expect((await stage.store.list(rollouts)).items).toEqual([]);
    expect(await stage.store.get(formations, { formation: '', name: SHOP })).toBeUndefined();
  });
});

describe('a rollout is taken back by itself', () => {
  it('when a new instance crashes again and again', async () => {
    await running({ web: 3 });
    await rig.begin('v2', { waitHealthyMs: 10_000 });
    await stage.run(2_000);
    const [young] = (await stage.living(SHOP)).filter(({ spec }) => spec.release === 'v2');
    if (!young) throw new Error('nothing of v2 was made');
    const object = { ...young, status: { ...young.status, restarts: 3, exitCode: 7 } };
    await stage.store.commit([{ op: 'update', kind: instances, object }]);
    expect(await rig.settle()).toBe('aborted: CrashLoop');
    expect(await rig.factors()).toEqual(['v1 web=3']);
    const [first] = await told();
    expect(first).toBe('Aborted: the rollout to v2 is taken back');
    expect(await told()).toContain(
      'Aborting: the rollout to v2 is aborted (CrashLoop): web.4 of v2 was restarted 3 times, last with exit code 7',
    );
  });

  it('when new instances cannot be started, or not in time', async () => {
    await running({ web: 2 });
    for (const executor of stage.executors) executor.failureRate = 1;
    await rig.begin('v2');
    expect(await rig.settle()).toBe('aborted: Unhealthy');
    for (const executor of stage.executors) await executor.cordon({ cordoned: true, draining: false });
    await rig.begin('v2', { progressDeadlineMs: 20_000 });
    expect(await rig.settle()).toBe('aborted: NoProgress');
    expect((await rig.rollout())?.status.message).toMatch(/web.3 of v2 could not be placed for 20 seconds: /);
  });

  it('when what it answers is clearly worse, also at its canary', async () => {
    const traffic: ReleaseTraffic[] = [];
    await running({ web: 4 }, () => traffic);
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 1 } } });
    expect(await rig.settle()).toBe('paused');
    traffic.push({ service: 'web', release: 'v1', requests: 900, errors: 3, p95Ms: 20 });
    traffic.push({ service: 'web', release: 'v2', requests: 300, errors: 40, p95Ms: 20 });
    await stage.run(6_000);
    expect(await rig.settle()).toBe('aborted: ErrorRate');
    expect((await rig.rollout())?.status.message).toMatch(
      /13.3 % of 300 requests to web of v2 failed, 0.3 % of 900 to v1/,
    );
    expect(await rig.factors()).toEqual(['v1 web=4']);
  });
});

describe('whichever write of a rollout is the last one of its leader', () => {
  const paths: Record<string, { asked: Partial<RolloutSpec>; then?: RolloutSpec_Intent; end: string[] }> = {
    'straight on': { asked: {}, end: ['v2 _cache=1 web=3 worker=1'] },
    'with a pace': {
      asked: { surge: 2, paceMs: 700, waitHealthyMs: 300 },
      end: ['v2 _cache=1 web=3 worker=1'],
    },
    promoted: {
      asked: { canary: { size: { $case: 'instances', value: 1 }, trafficPercent: 5 } },
      ...{ then: PROMOTE, end: ['v2 _cache=1 web=3 worker=1'] },
    },
    aborted: {
      asked: { canary: { size: { $case: 'percent', value: 60 } } },
      ...{ then: ABORT, end: ['v1 _cache=1 web=3 worker=1'] },
    },
    immediate: { asked: { immediate: true }, end: ['v2 _cache=1 web=3 worker=1'] },
  };

  async function through({ asked, then }: (typeof paths)[string]): Promise<void> {
    await rig.begin('v2', asked);
    await rig.settle();
    if (then === undefined) return;
    await rig.wish(then);
    await rig.settle();
  }

  it.each(Object.keys(paths))('invariant 3/7: the next one comes to the same end, %s', async (name) => {
    const path = paths[name] as (typeof paths)[string];
    for (const when of ['before', 'after'] as const) {
      for (let n = 1; ; n++) {
        const leader = await running({ web: 3, worker: 1, _cache: 1 });
        const killed = killAt(leader, n, when);
        stage.start('two', { metrics: () => [] });
        await through(path);
        expect({ n, when, factors: await rig.factors() }).toEqual({ n, when, factors: path.end });
        await stage.run(8_000);
        const living = (await stage.living(SHOP)).filter(({ spec }) => spec.process !== '_cache');
        expect(living).toHaveLength(4);
        if (!killed()) break;
        rig.close();
        await stage.close();
        expect({ n, when, shortages: rig.shortages }).toEqual({ n, when, shortages: [] });
      }
      if (when === 'before') {
        rig.close();
        await stage.close();
      }
    }
  });

  it('invariant 3/7: even where every single write is the last one of somebody', async () => {
    const leader = await running({ web: 4, _cache: 1 });
    let number = 1;
    const replace = (candidate: typeof leader): void => {
      candidate.faults.onCommit = (writes, moment) => {
        if (moment === 'before' || !writes.some(({ kind }) => kind.name === rollouts.name)) return;
        candidate.kill();
        replace(stage.start(`next-${number++}`, { metrics: () => [] }));
        throw new Error('killed');
      };
    };
    replace(leader);
    await rig.begin('v2');
    expect(await rig.settle()).toBe('succeeded');
    expect(number).toBeGreaterThan(5);
    expect(await rig.factors()).toEqual(['v2 _cache=1 web=4']);
  });
});
