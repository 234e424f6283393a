import { CronJobSpec, CronJobSpec_Overlap, CronJobStatus } from '../../gen/gilliam/v1/cron_job';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { cronJobs, events, releases } from '../../resource/objects';
import type { CronJob, Release } from '../../resource/objects';
import { ControlHarness } from '../../testing/control-harness';
import { RolloutRig } from '../rollout/testing';

describe('CronReconciler', () => {
  let stage: ControlHarness;

  beforeEach(async () => {
    stage = new ControlHarness();
    await stage.executor('e1');
    await stage.formation('shop', 'web');
    const v1 = await stage.store.get(releases, { formation: 'shop', name: 'v1' });
    const object = { ...v1, spec: { ...v1?.spec, image: 'sha256:1' } } as Release;
    await stage.store.commit([{ op: 'update', kind: releases, object }]);
  });
  afterEach(() => stage.close());

  const create = async (spec: Partial<CronJobSpec>) => {
    const object: CronJob = {
      metadata: {
        ...{ name: 'nightly', formation: 'shop', uid: 'u', generation: 1n, revision: 0n, labels: {} },
        created: new Date(stage.clock.now()),
      },
      spec: CronJobSpec.fromPartial({ schedule: '* * * * *', command: ['rake'], ...spec }),
      status: CronJobStatus.fromPartial({}),
    };
    await stage.store.commit([{ op: 'create', kind: cronJobs, object }]);
  };
  const status = async () =>
    (await stage.store.get(cronJobs, { formation: 'shop', name: 'nightly' }))?.status;
  const runs = async () =>
    (await stage.instances('shop')).filter(({ spec }) => spec.oneOff?.cronJob !== undefined);

  it('runs a job in the current release, and says when it is due next', async () => {
    stage.start();
    await create({});
    await stage.run(61_000);
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run?.spec).toMatchObject({ release: 'v1', process: 'nightly', oneOff: { command: ['rake'] } });
    const { lastDue, nextDue, ...rest } = (await status()) ?? {};
    expect(rest).toMatchObject({ lastReason: 'Started', lastInstance: 'nightly.1', observedGeneration: 1n });
    expect((nextDue?.getTime() ?? 0) - (lastDue?.getTime() ?? 0)).toBe(60_000);
  });

  it('runs it in the release that is proven while another one is at its canary', async () => {
    stage.start();
    const v1 = await stage.store.get(releases, { formation: 'shop', name: 'v1' });
    await stage.release('shop', 'v2', 'web');
    const v2 = await stage.store.get(releases, { formation: 'shop', name: 'v2' });
    const object = { ...v2, spec: { ...v1?.spec } } as Release;
    await stage.store.commit([{ op: 'update', kind: releases, object }]);
    await stage.scale('shop', 'v1', { web: 2 });
    const rig = new RolloutRig(stage);
    await rig.begin('v2', { canary: { size: { $case: 'instances', value: 1 } } });
    expect(await rig.settle()).toBe('paused');
    await create({ overlap: CronJobSpec_Overlap.ALLOW });
    await stage.run(61_000);
    expect((await runs()).map(({ spec }) => spec.release)).toEqual(['v1']);
    await rig.wish(RolloutSpec_Intent.PROMOTE);
    expect(await rig.settle()).toBe('succeeded');
    await stage.run(61_000);
    expect((await runs()).map(({ spec }) => spec.release)).toContain('v2');
    rig.close();
  });

  it('leaves out what is due while it runs, and tells so once, however often', async () => {
    stage.start();
    await create({});
    await stage.run(190_000);
    expect(await runs()).toHaveLength(1);
    const told = (await stage.store.list(events, { formation: 'shop' })).items.filter(
      ({ kind }) => kind === 'CronJob',
    );
    expect(told.map(({ reason, count }) => `${reason} ${count}`).sort()).toEqual(['Skipped 2', 'Started 1']);
    // Its end is still to be told.
    expect((await status())?.lastReason).toBe('Started');
  });

  it('invariant 9: of two who think that they lead one starts the run', async () => {
    const first = stage.start('one');
    await create({});
    await stage.run(58_000);
    first.store.setReachable(false);
    stage.start('two');
    await stage.run(20_000);
    first.store.setReachable(true);
    await stage.run(20_000);
    expect(await runs()).toHaveLength(1);
  });

  it('stops a run at its deadline, and goes on with the next', async () => {
    stage.start();
    await create({ deadlineMs: 30_000 });
    await stage.run(200_000);
    const states = (await runs()).map(({ status: { state } }) => state);
    expect(states.filter((state) => state === InstanceState.STOPPED).length).toBeGreaterThanOrEqual(2);
  });
});
