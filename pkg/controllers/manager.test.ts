import { ExecutorState } from '../gen/gilliam/v1/executor';
import { InstanceState } from '../gen/gilliam/v1/instance';
import { isFinished, isWanted, shortName } from '../resource/instance';
import { events, executors, formations, instances, releases, routes, scales } from '../resource/objects';
import type { Kind, StoredObject } from '../resource/objects';
import { claimLabels, routeClaims } from '../resource/route-claim';
import { ControlHarness } from '../testing/control-harness';
import { isReady } from './formation/process-plan';

describe('ControllerManager', () => {
  let stage: ControlHarness;

  const begin = (seed?: number) => (stage = new ControlHarness(seed));
  afterEach(() => stage.close());

  const states = async () =>
    (await stage.instances('shop')).map(
      ({ metadata, spec, status }) =>
        `${metadata.name} ${status.state.slice(15).toLowerCase()} ${spec.executor}`,
    );
  const ready = async () => (await stage.instances('shop')).filter(isReady).map(shortName).sort();
  const executorState = async (name: string) =>
    (await stage.store.get(executors, { formation: '', name }))?.status.state;

  it('makes of a scale factor instances with executors, without waiting for any clock', async () => {
    begin().start();
    const [e1, e2] = [await stage.executor('e1'), await stage.executor('e2')];
    await stage.formation('shop', 'web');
    await stage.clock.settle();
    await stage.scale('shop', 'v1', { web: 2 });
    await stage.clock.settle();
    const placed = [...(await e1.assignment()), ...(await e2.assignment())];
    expect(placed.map(shortName).sort()).toEqual(['web.1', 'web.2']);
    expect(placed.every((instance) => instance.status.state === InstanceState.ASSIGNED)).toBe(true);
  });

  it('says of a scale what is ready, and that it is complete', async () => {
    begin().start();
    await stage.executor('e1');
    await stage.formation('shop', 'web', 'worker');
    await stage.scale('shop', 'v1', { web: 2, worker: 1 });
    await stage.run(1_000);
    expect((await stage.scaleOf('shop', 'v1'))?.status).toMatchObject({
      observedGeneration: 1n,
      ready: { web: 2, worker: 1 },
      conditions: [{ type: 'Complete', status: 'STATUS_TRUE', reason: 'AllReady' }],
    });
  });

  it('invariant 11: an instance that finds no place says why, and is placed as soon as there is one', async () => {
    begin().start();
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.clock.settle();
    const [waiting] = await stage.instances('shop');
    expect(waiting?.status).toMatchObject({ state: InstanceState.PENDING, reason: 'Unschedulable' });
    expect(waiting?.status.message).not.toBe('');
    await stage.executor('e1');
    await stage.clock.settle();
    expect(await states()).toEqual(['web-1-1 assigned e1']);
  });

  it('finishes by itself what is scaled down before it was placed', async () => {
    begin().start();
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.clock.settle();
    await stage.scale('shop', 'v1', { web: 0 });
    await stage.clock.settle();
    expect(await states()).toEqual(['web-1-1 stopped ']);
  });

  it('replaces what was on a lost executor, and not before it is lost', async () => {
    begin().start();
    const e1 = await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 2 });
    await stage.run(1_000);
    await stage.executor('e2');
    await stage.run(1_000);
    e1.vanish();
    await stage.run(12_000);
    expect(await executorState('e1')).toBe(ExecutorState.DISCONNECTED);
    expect(await ready()).toEqual(['web.1', 'web.2']);
    await stage.run(2_000);
    expect(await executorState('e1')).toBe(ExecutorState.LOST);
    expect(await states()).toEqual([
      'web-1-1 lost e1',
      'web-1-2 running e2',
      'web-2-1 lost e1',
      'web-2-2 running e2',
    ]);
  });

  it('leaves everything as it is when an executor comes back in time', async () => {
    begin().start();
    const e1 = await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 2 });
    await stage.run(1_000);
    e1.vanish();
    await stage.run(11_000);
    await e1.connect();
    await stage.run(20_000);
    expect(await states()).toEqual(['web-1-1 running e1', 'web-2-1 running e1']);
    expect(await executorState('e1')).toBe(ExecutorState.READY);
  });

  it('loses nothing of an executor that is back although its view does not show it yet', async () => {
    const { faults, manager } = begin().start();
    const e1 = await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(1_000);
    faults.lagMs = 4_000;
    e1.vanish();
    await stage.run(14_000);
    await e1.connect();
    // By now it would be lost, going by a view that is four seconds old.
    await stage.run(3_700);
    expect(manager.status().counters.executor?.conflicted).toBeGreaterThan(0);
    await stage.run(20_000);
    expect(await states()).toEqual(['web-1-1 running e1']);
    expect(await executorState('e1')).toBe(ExecutorState.READY);
  });

  it('invariant 10: gives no work to an executor that is back and has not said that it is in step', async () => {
    begin().start();
    const e1 = await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(1_000);
    e1.vanish();
    await stage.run(20_000);
    await e1.join();
    await stage.run(5_000);
    expect(await states()).toEqual(['web-1-1 lost e1', 'web-1-2 pending ']);
    await e1.sync();
    await stage.run(1_000);
    expect(await states()).toEqual(['web-1-1 lost e1', 'web-1-2 running e1']);
  });

  it('empties an executor that is drained, never with less ready than wished', async () => {
    begin().start();
    const e1 = await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 3 });
    await stage.run(1_000);
    await stage.executor('e2');
    await e1.cordon({ cordoned: true, draining: true });
    for (let turn = 0; turn < 30; turn++) {
      await stage.run(100);
      const serving = (await stage.instances('shop')).filter(isReady).length;
      if (serving < 3) throw new Error(`only ${serving} of 3 are ready while the executor is drained`);
    }
    expect(await e1.assignment()).toEqual([]);
    expect(await ready()).toHaveLength(3);
  });

  it('makes no more than is wished however far its view lags behind', async () => {
    const { faults } = begin().start();
    await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.clock.settle();
    faults.lagMs = 700;
    for (const web of [3, 5, 2, 4]) {
      await stage.scale('shop', 'v1', { web });
      await stage.run(200);
      const wanted = (await stage.instances('shop')).filter(isWanted).length;
      if (wanted > 5) throw new Error(`${wanted} wanted instances, and never more than 5 were wished`);
    }
    await stage.run(30_000);
    expect(await ready()).toHaveLength(4);
    expect((await stage.living('shop')).length).toBe(4);
  });

  it('tries what fails again after a while, and does well when it does', async () => {
    begin().start();
    const e1 = await stage.executor('e1');
    e1.failureRate = 1;
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(10_000);
    const tried = (await stage.instances('shop')).length;
    expect(tried).toBeGreaterThanOrEqual(3);
    expect(tried).toBeLessThanOrEqual(5);
    e1.failureRate = 0;
    await stage.run(30_000);
    expect(await ready()).toEqual(['web.1']);
  });

  it('stops, then forgets, a formation that is deleted', async () => {
    begin().start();
    await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 3 });
    await stage.run(1_000);
    await stage.deleteFormation('shop');
    await stage.run(120_000, 1_000);
    for (const kind of [releases, scales, instances, events] as Kind<StoredObject>[])
      expect((await stage.store.list(kind, { formation: 'shop' })).items).toEqual([]);
    expect(await stage.store.get(formations, { formation: '', name: 'shop' })).toBeUndefined();
  });

  it('forgets the routes of a formation that is deleted, and what they claimed, and no others', async () => {
    begin().start();
    await stage.formation('shop', 'web');
    await stage.formation('blog', 'web');
    const metadata = (name: string, formation: string, labels = {}) => {
      return { name, formation, uid: name, generation: 1n, revision: 0n, labels };
    };
    for (const formation of ['shop', 'blog']) {
      const route = { ...routes.decode(new Uint8Array()), metadata: metadata('r', formation) };
      const claim = { metadata: metadata(`c-${formation}`, '', claimLabels({ formation, name: 'r' })) };
      await stage.store.commit([
        { op: 'create', kind: routes, object: route },
        { op: 'create', kind: routeClaims, object: claim },
      ]);
    }
    await stage.deleteFormation('shop');
    await stage.run(120_000, 1_000);
    expect((await stage.store.list(routes)).items.map(({ metadata: { formation } }) => formation)).toEqual([
      'blog',
    ]);
    expect((await stage.store.list(routeClaims)).items.map(({ metadata: { name } }) => name)).toEqual([
      'c-blog',
    ]);
  });

  it('forgets finished instances in time, and counts their incarnations on', async () => {
    begin().start();
    await stage.executor('e1');
    await stage.formation('shop', 'web');
    for (const web of [1, 0, 1, 0]) {
      await stage.scale('shop', 'v1', { web });
      await stage.run(1_000);
    }
    expect(await states()).toEqual(['web-1-1 stopped e1', 'web-1-2 stopped e1']);
    await stage.run(900_000, 10_000);
    expect(await states()).toEqual(['web-1-2 stopped e1']);
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(1_000);
    expect(await states()).toContain('web-1-3 running e1');
  });

  it('records what happened as events that count', async () => {
    begin().start();
    const e1 = await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(1_000);
    e1.vanish();
    await stage.run(20_000);
    await e1.connect();
    await stage.run(1_000);
    const of = async (formation: string) =>
      (await stage.store.list(events, { formation })).items.map(
        ({ kind, name, reason, count }) => `${kind}.${name}.${reason}`.toLowerCase() + ` ${count}`,
      );
    expect(await of('shop')).toEqual([
      'instance.web.1.lost 1',
      'instance.web.1.placed 2',
      'instance.web.1.unschedulable 1',
      'scale.v1.creates 2',
    ]);
    expect(await of('')).toEqual(['executor.e1.disconnected 1', 'executor.e1.lost 1', 'executor.e1.ready 2']);
  });

  it('says whether it leads, and how its controllers fare', async () => {
    begin();
    const one = stage.start('one');
    await stage.clock.settle();
    const two = stage.start('two');
    await stage.clock.settle();
    expect(one.manager.status()).toMatchObject({ leading: true, identity: 'one' });
    expect(Object.keys(one.manager.status().counters)).toEqual([
      'formation',
      'scheduler',
      'cron',
      'rollout',
      'route',
      'executor',
      'garbage',
    ]);
    expect(two.manager.status()).toEqual({ leading: false, identity: 'two', counters: {} });
  });

  it('invariant 9: a deposed manager changes nothing, and the next one carries on', async () => {
    begin();
    const one = stage.start('one');
    await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(1_000);
    const two = stage.start('two');
    one.store.setReachable(false);
    await stage.run(8_000);
    expect([one.manager.status().leading, two.manager.status().leading]).toEqual([false, true]);
    // Reachable again, it could write, were it not for the fence.
    one.store.setReachable(true);
    await stage.scale('shop', 'v1', { web: 2 });
    await stage.run(10_000);
    expect([one.manager.status().leading, two.manager.status().leading]).toEqual([false, true]);
    expect(await states()).toEqual(['web-1-1 running e1', 'web-2-1 running e1']);
  });

  it('invariant 9: what a deposed manager sent before and arrives after is refused', async () => {
    begin();
    const one = stage.start('one');
    await stage.executor('e1');
    await stage.formation('shop', 'web');
    await stage.run(1_000);
    // Its writes are on their way for longer than it leads.
    const release = one.faults.hold();
    await stage.scale('shop', 'v1', { web: 1 });
    await stage.run(500);
    one.store.setReachable(false);
    const two = stage.start('two');
    await stage.run(8_000);
    expect(two.manager.status().leading).toBe(true);
    await stage.scale('shop', 'v1', { web: 0 });
    await stage.run(2_000);
    one.store.setReachable(true);
    const before = await states();
    release();
    await stage.run(2_000);
    expect(one.faults.held.map((error) => (error as Error).name)).toContain('FencedError');
    expect(await states()).toEqual(before);
  });
});

describe('ControllerManager, whatever happens', () => {
  const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

  it.each(seeds)(
    'invariant 1, invariant 3: an instance never moves, and left alone, running instances equal the factor (seed %i)',
    async (seed) => {
      const stage = new ControlHarness(seed);
      const { random } = stage;
      const pick = (count: number) => Math.floor(random.next() * count);
      const candidates = [stage.start('one'), stage.start('two')];
      const all = [await stage.executor('e1'), await stage.executor('e2'), await stage.executor('e3')];
      await stage.formation('shop', 'web', 'worker');
      await stage.release('shop', 'v2', 'web', 'worker');
      for (const { faults } of candidates) {
        faults.faultRate = 0.1;
        faults.lagMs = pick(3) * 100;
      }
      for (const each of all) each.failureRate = 0.1;

      for (let turn = 0; turn < 40; turn++) {
        const name = pick(2) ? 'v1' : 'v2';
        const executor = all[pick(all.length)];
        const candidate = candidates[pick(candidates.length)];
        const chance = random.next();
        if (chance < 0.4) {
          // A user's write can be refused, like anybody's.
          await stage.scale('shop', name, { [pick(2) ? 'web' : 'worker']: pick(6) }).catch(() => undefined);
        } else if (chance < 0.5) executor?.vanish();
        else if (chance < 0.6) await executor?.connect();
        else if (chance < 0.7) {
          await executor?.cordon({ cordoned: pick(2) === 1, draining: pick(3) === 1 }).catch(() => undefined);
        } else if (chance < 0.8) candidate?.store.setReachable(pick(2) === 1);
        else if (chance < 0.85) stage.store.compact(stage.store.server.revision);
        await stage.run(pick(4) * 1_000, 250);
      }

      for (const { faults, store } of candidates) {
        faults.faultRate = 0;
        faults.lagMs = 0;
        store.setReachable(true);
      }
      for (const each of all) {
        each.failureRate = 0;
        await each.cordon({ cordoned: false, draining: false });
        if (!each.connected) await each.connect();
      }
      await stage.run(900_000, 5_000);

      const known = await stage.instances('shop');
      for (const name of ['v1', 'v2']) {
        const factors = (await stage.scaleOf('shop', name))?.spec.factors ?? {};
        for (const process of ['web', 'worker']) {
          const own = known.filter(({ spec }) => spec.release === name && spec.process === process);
          const factor = factors[process] ?? 0;
          const living = own.filter((instance) => !isFinished(instance.status.state));
          if (
            living.length !== factor ||
            !living.every((instance) => isWanted(instance) && isReady(instance))
          )
            throw new Error(
              `${name} ${process}=${factor} came to ${living.map(shortName).join(' ') || 'nothing'}`,
            );
        }
      }
      await stage.close();
    },
  );
});
