import { InstanceState } from '../../gen/gilliam/v1/instance';
import { RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import type { RolloutSpec } from '../../gen/gilliam/v1/rollout';
import { events, formations, instances, rollouts, scales } from '../../resource/objects';
import { ControlHarness } from '../../testing/control-harness';
import type { ReleaseTraffic } from './fleet';
import { killAt, RolloutRig, SHOP } from './testing';

const { PROMOTE, ABORT } = RolloutSpec_Intent;
const { LOST } = InstanceState;

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

/** From now on nothing takes new instances. */
async function cordon(cordoned = true): Promise<void> {
  for (const executor of stage.executors) await executor.cordon({ cordoned, draining: false });
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

  it('but not for what the new release has come through before the rollout', async () => {
    await running({ web: 2 });
    await stage.scale(SHOP, 'v2', { web: 1 });
    await stage.run(1_000);
    const [old] = (await stage.living(SHOP)).filter(({ spec }) => spec.release === 'v2');
    if (!old) throw new Error('nothing of v2 was made');
    const object = { ...old, status: { ...old.status, restarts: 7 } };
    await stage.store.commit([{ op: 'update', kind: instances, object }]);
    await rig.begin('v2');
    expect(await rig.settle()).toBe('succeeded');
    expect(await rig.factors()).toEqual(['v2 web=3']);
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

describe('a way back on which old instances do not get ready', () => {
  const eventsOf = async (reason: string) => (await told()).filter((line) => line.startsWith(`${reason}: `));

  async function half(): Promise<void> {
    await running({ web: 4 });
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 2 } } });
    expect(await rig.settle()).toBe('paused');
    await cordon();
    await rig.wish(ABORT);
  }

  it('says what it waits for, and after a minute makes do with those that are', async () => {
    await half();
    await stage.run(50_000);
    expect(await rig.phase()).toBe('aborting: Requested');
    expect((await rig.rollout())?.status.waiting).toMatch(
      /^web: 2 of 4 of v1 are ready \(web\.\d is pending: .*cordoned.*\)$/,
    );
    expect(await eventsOf('AbortWaits')).toEqual([
      expect.stringMatching(/^AbortWaits: the way back from v2 waits: web: 2 of 4 of v1 are ready \(web/),
    ]);
    expect(await rig.factors()).toEqual(['v1 web=4', 'v2 web=2']);
    rig.close();
    expect(await rig.settle(30_000)).toBe('aborted: Requested');
    expect(await rig.factors()).toEqual(['v1 web=4']);
    const { message = '', waiting } = (await rig.rollout())?.status ?? {};
    expect(message).toMatch(
      /^it was asked for; the factors are as they were, but not all of it is ready: web: 2 of 4/,
    );
    expect(waiting).toBe('');
  });

  it('waits longer for those that are still coming up', async () => {
    await running({ web: 4 });
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 2 } } });
    expect(await rig.settle()).toBe('paused');
    for (const executor of stage.executors) executor.slow = true;
    await rig.wish(ABORT);
    await stage.run(100_000);
    expect(await rig.phase()).toBe('aborting: Requested');
    expect(await eventsOf('AbortForced')).toEqual([]);
    expect(await rig.factors()).toEqual(['v1 web=4', 'v2 web=2']);
    for (const executor of stage.executors) executor.slow = false;
    expect(await rig.settle()).toBe('aborted: Requested');
    expect(await rig.factors()).toEqual(['v1 web=4']);
  });

  it('keeps what there is of the new release where nothing else is ready, without a share of the requests', async () => {
    await running({ web: 2 });
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 1 } } });
    expect(await rig.settle()).toBe('paused');
    await cordon();
    rig.close();
    for (const instance of await stage.living(SHOP)) {
      if (instance.spec.release !== 'v1') continue;
      const object = { ...instance, status: { ...instance.status, state: LOST, ready: false } };
      await stage.store.commit([{ op: 'update', kind: instances, object }]);
    }
    await rig.wish(ABORT);
    await stage.run(90_000);
    expect(await rig.phase()).toBe('aborting: Requested');
    expect(await rig.factors()).toEqual(['v1 web=2', 'v2 web=1 (0 %)']);
    expect(await eventsOf('AbortForced')).toHaveLength(1);
    // The first that is ready is enough.
    await cordon(false);
    expect(await rig.settle()).toBe('aborted: Requested');
    expect(await rig.factors()).toEqual(['v1 web=2']);
  });

  it.each(['v2', 'v3'])(
    'gives way to another one, to %s, which goes back to where it all began',
    async (to) => {
      await running({ web: 2 });
      await stage.release(SHOP, 'v3', 'web');
      await rig.begin('v2', { canary: { size: { $case: 'instances', value: 1 } } });
      expect(await rig.settle()).toBe('paused');
      await cordon();
      rig.close();
      for (const instance of await stage.living(SHOP)) {
        if (instance.spec.release !== 'v1') continue;
        const object = { ...instance, status: { ...instance.status, state: LOST, ready: false } };
        await stage.store.commit([{ op: 'update', kind: instances, object }]);
      }
      await rig.wish(ABORT);
      await stage.run(90_000);
      expect(await rig.factors()).toEqual(['v1 web=2', 'v2 web=1 (0 %)']);
      await rig.begin(to);
      await stage.run(1_000);
      await rig.wish(ABORT);
      await stage.run(10_000);
      // The only one that answers.
      expect((await rig.factors())[1]).toMatch(/^v2 web=1/);
      await cordon(false);
      expect(await rig.settle()).toBe('aborted: Requested');
      expect(await rig.factors()).toEqual(['v1 web=2']);
      const left = await stage.store.get(scales, { formation: SHOP, name: 'v2' });
      expect(left?.spec.trafficPercent).toBeUndefined();
    },
  );
});

describe('whichever write of a rollout is the last one of its leader', () => {
  interface Way {
    readonly asked: Partial<RolloutSpec>;
    readonly then?: RolloutSpec_Intent;
    /** Before that, nothing takes new instances any more. */
    readonly cordoned?: boolean;
    readonly end: string[];
    /** What is never to be less; default what there is at first. */
    readonly floor?: Record<string, number>;
    readonly living?: number;
  }
  const taken = ['v2 _cache=1 web=3 worker=1'];
  const paths: Record<string, Way> = {
    'straight on': { asked: {}, end: taken },
    'with a pace': { asked: { surge: 2, paceMs: 700, waitHealthyMs: 300 }, end: taken },
    promoted: {
      asked: { canary: { size: { $case: 'instances', value: 1 }, trafficPercent: 5 } },
      ...{ then: PROMOTE, end: taken },
    },
    aborted: {
      asked: { canary: { size: { $case: 'percent', value: 60 } } },
      ...{ then: ABORT, end: ['v1 _cache=1 web=3 worker=1'] },
    },
    'aborted with old ones that do not get ready': {
      asked: { canary: { size: { $case: 'instances', value: 1 } } },
      ...{ then: ABORT, cordoned: true, end: ['v1 _cache=1 web=3 worker=1', 'v2 worker=1 (0 %)'] },
      floor: { web: 2, worker: 1 },
      // One of web and one of worker wait for a place.
      living: 5,
    },
    immediate: { asked: { immediate: true }, end: taken },
    'to fewer': {
      asked: { factors: { web: 2, worker: 1 } },
      ...{ end: ['v2 _cache=1 web=2 worker=1'], floor: { web: 2, worker: 1 }, living: 3 },
    },
  };

  async function through({ asked, then, cordoned }: Way): Promise<void> {
    await rig.begin('v2', asked);
    await rig.settle();
    if (then === undefined) return;
    if (cordoned) await cordon();
    await rig.wish(then);
    // A leader that has just begun to look has all its patience still.
    await rig.settle(160_000);
  }

  it.each(Object.keys(paths))('invariant 3/7: the next one comes to the same end, %s', async (name) => {
    const path = paths[name] as Way;
    for (const when of ['before', 'after'] as const) {
      for (let n = 1; ; n++) {
        const leader = await running({ web: 3, worker: 1, _cache: 1 });
        if (path.floor) await rig.guard(path.floor);
        const killed = killAt(leader, n, when);
        stage.start('two', { metrics: () => [] });
        await through(path);
        expect({ n, when, factors: await rig.factors() }).toEqual({ n, when, factors: path.end });
        await stage.run(8_000);
        const living = (await stage.living(SHOP)).filter(({ spec }) => spec.process !== '_cache');
        expect(living).toHaveLength(path.living ?? 4);
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
