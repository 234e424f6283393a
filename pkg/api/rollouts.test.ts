import { RolloutPhase, RolloutSpec, RolloutSpec_Intent } from '../gen/gilliam/v1/rollout';
import { events, releases, rollouts, routes, scales } from '../resource/objects';
import { ROLLOUT } from '../resource/rollout';
import { ApiHarness, testImage, testProcesses } from '../testing/api-harness';

const { PROMOTE, ABORT, PROCEED } = RolloutSpec_Intent;
const parent = 'formations/shop';
let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(() => api.close());

const spec = (over: Partial<RolloutSpec> = {}) => RolloutSpec.fromPartial({ to: 'v2', ...over });
const migrate = (over: Partial<RolloutSpec> = {}, validateOnly = false) =>
  api.client.rollouts.createRollout({ parent, spec: spec(over), validateOnly });
const release = (config: Record<string, string>, processes: typeof testProcesses | object = testProcesses) =>
  api.client.releases.createRelease({
    parent,
    spec: { image: testImage, processes: processes, config },
  });
const scale = (name: string, factors: Record<string, number>) =>
  api.client.scales.updateScale({ scale: { metadata: { formation: 'shop', name }, spec: { factors } } });
const intend = (intent: RolloutSpec_Intent, over: Partial<RolloutSpec> = {}, mask = ['intent']) =>
  api.client.rollouts.updateRollout({
    rollout: { metadata: { formation: 'shop' }, spec: spec({ intent, ...over }) },
    updateMask: mask,
  });
const stored = () => api.store.get(rollouts, { formation: 'shop', name: ROLLOUT });
async function comeTo(phase: RolloutPhase): Promise<void> {
  const before = await stored();
  if (!before) throw new Error('no rollout');
  const object = { ...before, status: { ...before.status, phase } };
  await api.store.commit([{ op: 'update', kind: rollouts, object }]);
}
/** As the rollout controller leaves it. */
async function moved(from: string, to: string): Promise<void> {
  const rollout = await stored();
  for (const [name, factors] of [
    [from, {}],
    [to, rollout?.spec.factors ?? {}],
  ] as const) {
    const before = await api.store.get(scales, { formation: 'shop', name });
    const empty = scales.decode(new Uint8Array());
    const object = before ?? { ...empty, metadata: { ...empty.metadata, formation: 'shop', name } };
    const write = { ...object, spec: { ...object.spec, factors } };
    await api.store.commit([{ op: before ? 'update' : 'create', kind: scales, object: write }]);
  }
  await comeTo(RolloutPhase.SUCCEEDED);
}

/** As it is scaled in the middle of a rollout. */
async function at(name: string, factors: Record<string, number>, trafficPercent?: number): Promise<void> {
  const empty = scales.decode(new Uint8Array());
  const object = {
    ...empty,
    metadata: { ...empty.metadata, formation: 'shop', name },
    spec: { factors, ...(trafficPercent !== undefined && { trafficPercent }) },
  };
  await api.store.commit([{ op: 'create', kind: scales, object }]);
}

describe('a rollout begins', () => {
  beforeEach(async () => {
    await scale('v1', { web: 3, worker: 1 });
    await release({ A: '2' });
  });

  test('filled in, and says what its steps are', async () => {
    const canary = { size: { $case: 'percent', value: 10 }, trafficPercent: 5 } as const;
    const dry = await migrate({ canary }, true);
    expect(await stored()).toBeUndefined();
    const { rollout, steps } = await migrate({ canary });
    expect(rollout?.spec).toMatchObject({
      ...{ to: 'v2', from: ['v1'], factors: { web: 3, worker: 1 }, intent: PROCEED, canary },
    });
    expect(rollout?.status).toMatchObject({
      ...{ phase: RolloutPhase.PROGRESSING, original: { v1: { factors: { web: 3, worker: 1 } } } },
    });
    expect(dry.rollout?.spec).toEqual(rollout?.spec);
    expect(steps).toEqual([
      'web: v1 3 → v2 3',
      'worker: v1 1 → v2 1',
      'new before old: 1 more than the factors at most; an old one goes when a new one is healthy',
      'stops at 10 % of each process with 5 % of the requests, until promoted or aborted',
    ]);
    const { items } = await api.store.list(events, { formation: 'shop' });
    expect(items.map(({ message }) => message)).toContain('a rollout from v1 to v2 began');
    const listed = await api.client.rollouts.listRollouts({ parent: 'formations/-' });
    expect(listed.rollouts.map(({ metadata }) => metadata?.name)).toEqual([ROLLOUT]);
    const got = await api.client.rollouts.getRollout({ name: `${parent}/rollouts/${ROLLOUT}` });
    expect(got.rollout?.metadata?.uid).toBe(rollout?.metadata?.uid);
  });

  test('with no more of an auxiliary service than there was: the releases share it', async () => {
    const _cache = { image: testImage, auxiliary: { type: 'redis' } };
    for (const [name, A] of [
      ['v3', '3'],
      ['v4', '4'],
    ] as const) {
      await release({ A }, { ...testProcesses, _cache });
      await scale(name, { web: 1, _cache: 2 });
    }
    await release({ A: '5' }, { ...testProcesses, _cache });
    const { rollout } = await migrate({ to: 'v5' });
    expect(rollout?.spec?.factors).toEqual({ web: 5, worker: 1, _cache: 2 });
  });

  test('in place of one that is stuck on its way back, with as many as that was to have', async () => {
    await migrate();
    await at('v2', { web: 3, worker: 1 }, 0);
    await release({ A: '3' });
    await comeTo(RolloutPhase.ABORTING);
    await expect(migrate({ to: 'v3' })).rejects.toThrow('a rollout of "shop" to v2 is under way');
    const before = await stored();
    if (!before) throw new Error('no rollout');
    const object = { ...before, status: { ...before.status, forced: true } };
    await api.store.commit([{ op: 'update', kind: rollouts, object }]);
    const { rollout } = await migrate({ to: 'v3' });
    expect(rollout?.spec).toMatchObject({ to: 'v3', from: ['v1', 'v2'], factors: { web: 3, worker: 1 } });
    const { status } = (await stored()) ?? {};
    expect(status).toMatchObject({ phase: RolloutPhase.PROGRESSING, forced: false });
    // What that was on its way back to: not what happens to be left of v2, nor the share that was to end it.
    expect(status?.original).toEqual({ v1: { factors: { web: 3, worker: 1 } }, v2: { factors: {} } });
  });

  test('remembers what there was around those that give way', async () => {
    const route = { metadata: { name: 'shop' }, spec: { pattern: 'shop.com/', target: 'web.shop.service' } };
    await api.client.routes.createRoute({ parent, route });
    await migrate();
    const retired = (await api.store.get(scales, { formation: 'shop', name: 'v1' }))?.spec.retired;
    expect(retired?.factors).toEqual({ web: 3, worker: 1 });
    expect(retired?.routes.map(({ spec: kept }) => kept?.pattern)).toEqual(['shop.com/']);
  });

  test('while another one is under way it is refused, and the first one is named', async () => {
    await migrate({ author: 'ada' });
    await release({ A: '3' });
    await expect(migrate({ to: 'v3' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'a rollout of "shop" to v2 by ada is under way: wait for it, or gilliam abort',
    });
    await comeTo(RolloutPhase.SUCCEEDED);
    expect((await migrate({ to: 'v3' })).rollout?.spec?.to).toBe('v3');
  });

  test('what would disappear is named, and has to be allowed', async () => {
    await release({}, { web: testProcesses.web });
    await expect(migrate({ to: 'v3' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message:
        'v3 has no process for what runs: 1 of worker (v1) would disappear: scale it to 0 first, or --allow-missing',
    });
    const { rollout, steps } = await migrate({ to: 'v3', allowMissing: true });
    expect(rollout?.spec?.factors).toEqual({ web: 3 });
    expect(steps).toContain('worker: v1 1 → none, last');
  });

  test.each<[string, Partial<RolloutSpec>, RegExp]>([
    ['no release', { to: '' }, /to is missing/],
    ['one that there is not', { to: 'v9' }, /"shop" has no release v9/],
    ['no name of a release', { to: 'new' }, /is not of the form v1/],
    ['itself', { to: 'v2', from: ['v2'] }, /v2 cannot give way to itself/],
    ['from what does not run', { from: ['v7'] }, /nothing of v7 runs: v1 could give way/],
    ['what runs already', { to: 'v1' }, /"shop" runs nothing but v1 already/],
    ['a process that there is not', { factors: { wbe: 1 } }, /v2 has no process "wbe": did you mean "web"/],
    ['a canary of no size', { canary: {} }, /the canary has no size/],
    [
      'a canary of 120 %',
      { canary: { size: { $case: 'percent', value: 120 } } },
      /the canary's size is 120: it must be from 1 to 100/,
    ],
    [
      'a weight of 101',
      { canary: { size: { $case: 'instances', value: 1 }, trafficPercent: 101 } },
      /the canary's weight is 101/,
    ],
    ['a pace of a week', { paceMs: 604_800_000 }, /the pace in milliseconds is/],
    ['more than may be', { factors: { web: 100_000 } }, /over its limit/],
  ])('not to %s', async (_, over, message) => {
    await expect(migrate(over)).rejects.toThrow(message);
    expect(await stored()).toBeUndefined();
  });

  test('the factors that it moves are not scaled by others', async () => {
    await migrate();
    await expect(scale('v1', { web: 1 })).rejects.toThrow(
      'v1 cannot be scaled while the rollout to v2 is under way: wait for it, or gilliam abort',
    );
    await comeTo(RolloutPhase.SUCCEEDED);
    await scale('v1', { web: 1 });
  });

  test('of two at one moment one is refused', async () => {
    const outcomes = await Promise.allSettled([migrate(), migrate()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a rollout under way', () => {
  beforeEach(async () => {
    await scale('v1', { web: 3 });
    await release({ A: '2' });
  });

  test('is promoted and aborted only where that makes sense', async () => {
    await expect(intend(ABORT)).rejects.toThrow('"shop" has had no rollout yet: gilliam migrate begins one');
    await migrate();
    await expect(intend(PROMOTE)).rejects.toThrow(
      'the rollout of "shop" to v2 has no canary to promote: it goes on by itself',
    );
    expect((await intend(ABORT)).rollout?.spec?.intent).toBe(ABORT);
    expect((await intend(ABORT)).rollout?.spec?.intent).toBe(ABORT);
    await expect(intend(PROMOTE)).rejects.toThrow(/is being taken back/);
    await comeTo(RolloutPhase.ABORTED);
    await expect(intend(ABORT)).rejects.toThrow(/was aborted/);
    await migrate({ canary: { size: { $case: 'instances', value: 1 } } });
    await expect(intend(PROCEED)).resolves.toBeDefined();
    expect((await intend(PROMOTE)).rollout?.spec?.intent).toBe(PROMOTE);
    await expect(intend(PROCEED)).rejects.toThrow(/promote or abort/);
    await comeTo(RolloutPhase.SUCCEEDED);
    await expect(intend(ABORT)).rejects.toThrow(/has succeeded: gilliam rollback goes back/);
  });

  test('can be made faster', async () => {
    await migrate({ paceMs: 60_000 });
    const changed = await intend(PROCEED, { surge: 5 }, ['surge', 'pace_ms']);
    expect(changed.rollout?.spec).toMatchObject({ surge: 5, paceMs: 0, to: 'v2' });
    await expect(intend(PROCEED, {}, ['to'])).rejects.toThrow(/update_mask names "to"/);
    await expect(intend(PROCEED, {}, [])).rejects.toThrow(/update_mask is missing/);
    const stale = { metadata: { formation: 'shop', revision: 1n }, spec: spec({ surge: 2 }) };
    const request = { rollout: stale, updateMask: ['surge'] };
    await expect(api.client.rollouts.updateRollout(request)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a rollback', () => {
  const back = (name = '', validateOnly = false) =>
    api.client.rollouts.rollback({ parent, release: name, validateOnly });
  const route = (name: string, pattern: string, target = 'web.shop.service') =>
    api.client.routes.createRoute({ parent, route: { metadata: { name }, spec: { pattern, target } } });
  const patterns = async () =>
    (await api.store.list(routes, { formation: 'shop' })).items
      .map(({ metadata, spec: { pattern } }) => `${metadata.name} ${pattern}`)
      .sort();

  test('makes a release that is as the old one, with its configuration and its routes, and moves to it', async () => {
    await scale('v1', { web: 3, worker: 2 });
    await route('main', 'shop.com/');
    await route('old', 'old.shop.com/');
    await route('same', 'same.shop.com/');
    await release({ A: '2' });
    await migrate();
    await moved('v1', 'v2');
    await api.client.routes.deleteRoute({ name: `${parent}/routes/old` });
    await route('new', 'new.shop.com/');
    await api.client.routes.updateRoute({
      route: {
        metadata: { formation: 'shop', name: 'main' },
        spec: { pattern: 'old.shop.com/', target: 'web.shop.service' },
      },
    });
    const dry = await back('v1', true);
    expect(await api.store.get(releases, { formation: 'shop', name: 'v3' })).toBeUndefined();
    const done = await back();
    expect(done).toMatchObject({ as: 'v1', routes: ['main', 'new', 'old'] });
    expect(dry.routes).toEqual(done.routes);
    expect(await patterns()).toEqual(['main shop.com/', 'old old.shop.com/', 'same same.shop.com/']);
    const made = await api.store.get(releases, { formation: 'shop', name: 'v3' });
    expect(made?.spec).toMatchObject({ config: { A: '1' }, image: testImage, message: 'rollback to v1' });
    expect(done.rollout?.spec).toMatchObject({
      ...{ to: 'v3', from: ['v2'], factors: { web: 3, worker: 2 }, immediate: true, allowMissing: true },
    });
  });

  test('ends the rollout that is under way', async () => {
    await scale('v1', { web: 3 });
    await release({ A: '2' });
    await migrate({ canary: { size: { $case: 'instances', value: 1 } } });
    expect((await back()).as).toBe('v1');
    expect((await stored())?.spec).toMatchObject({ to: 'v3', from: ['v1'], factors: { web: 3 } });
  });

  test('of one under way makes as much as there was before it, without its surge', async () => {
    await scale('v1', { web: 3, worker: 1 });
    await release({ A: '2' });
    await migrate({ surge: 3 });
    await at('v2', { web: 3 });
    expect((await back()).rollout?.spec?.factors).toEqual({ web: 3, worker: 1 });
    await at('v3', { web: 3, worker: 1 });
    expect((await back('v1')).rollout?.spec?.factors).toEqual({ web: 3, worker: 1 });
  });

  test('asked for twice does not go back to what is being left', async () => {
    await scale('v1', { web: 1 });
    await release({ A: '2' });
    await migrate();
    await moved('v1', 'v2');
    expect((await back()).as).toBe('v1');
    await expect(back()).rejects.toThrow(
      'a rollback to v3 is under way: wait for it, or name the release to go to',
    );
    expect((await back('v2')).as).toBe('v2');
  });

  test('without a name goes to what was most of what gave way', async () => {
    await scale('v1', { web: 5 });
    await release({ A: '2' });
    await scale('v2', { web: 4 });
    await release({ A: '3' });
    await migrate({ to: 'v3' });
    for (const name of ['v1', 'v2']) await moved(name, 'v3');
    expect((await back()).as).toBe('v1');
  });

  test('without a name goes to what was scaled to none by hand', async () => {
    await scale('v1', { web: 1 });
    await release({ A: '2' });
    await release({ A: '3' });
    await scale('v3', { web: 1 });
    await route('main', 'shop.com/');
    await scale('v1', { web: 0 });
    await api.client.routes.deleteRoute({ name: `${parent}/routes/main` });
    expect(await back()).toMatchObject({ as: 'v1', routes: ['main'] });
  });

  test('brings back what only the old release had', async () => {
    await scale('v1', { web: 1, worker: 4 });
    await release({}, { web: testProcesses.web });
    await migrate({ allowMissing: true });
    await moved('v1', 'v2');
    expect((await back('v1')).rollout?.spec?.factors).toEqual({ web: 1, worker: 4 });
  });

  test('leaves out a route that is another formation’s now, and says so', async () => {
    await scale('v1', { web: 1 });
    await route('main', 'shop.com/');
    await release({ A: '2' });
    await migrate();
    await moved('v1', 'v2');
    await api.client.routes.deleteRoute({ name: `${parent}/routes/main` });
    await api.shop('bank');
    await api.client.routes.createRoute({
      parent: 'formations/bank',
      route: { metadata: { name: 'taken' }, spec: { pattern: 'shop.com/', target: 'web.bank.service' } },
    });
    const { rollout, routes: names } = await back('v1');
    expect(names).toEqual([]);
    expect(rollout?.spec?.message).toBe("rollback to v1; route main is left out, since it is another's now");
  });

  test.each([
    ['v9', /has no release v9/],
    ['one', /is not of the form v1/],
    ['v1', /v1 is what runs/],
    ['', /there is no release before v1 that ran/],
  ])('to %j is refused', async (name, message) => {
    await scale('v1', { web: 1 });
    await expect(back(name)).rejects.toThrow(message);
  });

  test('of what does not run is refused', async () => {
    await expect(back('v1')).rejects.toThrow(/nothing of "shop" runs that could be rolled back/);
  });
});
