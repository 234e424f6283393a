import { ConflictError } from '../../base/errors';
import { cronJobs, type Formation, formations, routes, scales } from '../../resource/objects';
import { ApiHarness, eventually, testImage } from '../../testing/api-harness';
import {
  apply,
  config,
  type Desired,
  factorsIn,
  formationOf,
  instanceLinesOf,
  linesOf,
  nightly,
  releaseOf,
  rolloutOf,
  route,
  settled,
  shop,
  with_,
} from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('from nothing', () => {
  const whole: Desired = {
    ...shop,
    factors: { worker: 2 },
    formation: { limits: { maxInstances: 10 }, scaling: { web: { min: 1, max: 5 } } },
    routes: [route('shop', 'shop.localhost/')],
    cronJobs: [nightly],
  };

  test('all is made in one step', async () => {
    const made = await apply(api, whole);
    const all = await Promise.all([
      formationOf(api),
      releaseOf(api, 'v1'),
      api.store.get(scales, { formation: 'shop', name: 'v1' }),
      api.store.get(routes, { formation: 'shop', name: 'shop' }),
      api.store.get(cronJobs, { formation: 'shop', name: 'nightly' }),
    ]);
    const revision = made.release?.metadata?.revision;
    expect(revision).toBeGreaterThan(0n);
    expect(all.map((object) => object?.metadata.revision)).toEqual(all.map(() => revision));
    expect(await factorsIn(api)).toEqual({ v1: { web: 1, worker: 2 } });
    expect(await rolloutOf(api)).toBeUndefined();
    expect(linesOf(made)).toEqual([
      '+ formation shop',
      '+ formation shop limits.max_instances 10',
      '+ formation shop scaling.web 1 to 5',
      '+ release v1',
      `+ release v1 image ${testImage}`,
      '+ release v1 config.A 1',
      '+ release v1 processes.web serve',
      '+ release v1 processes.worker work',
      '~ scale web 0 → 1',
      '~ scale worker 0 → 2',
      '+ route shop shop.localhost/ → web.shop.service',
      '+ cron nightly 30 2 * * * backup',
    ]);
    expect(instanceLinesOf(made)).toEqual([
      'start web.1 v1: scale web: 0 to 1',
      'start worker.1 v1: scale worker: 0 to 2',
      'start worker.2 v1: scale worker: 0 to 2',
    ]);
  });

  test('the same again writes nothing', async () => {
    await apply(api, whole);
    const before = await settled(api);
    const again = await apply(api, whole);
    expect([again.changes, again.rollout]).toEqual([[], undefined]);
    expect(again.release?.metadata?.name).toBe('v1');
    expect(await settled(api)).toBe(before);
  });

  test('what was done is told as events', async () => {
    const ada = api.connect({ token: 'user-token', user: 'ada' });
    await ada.apply.applyFormation({ name: 'formations/shop', desired: whole });
    await eventually(async () => {
      const { events } = await api.client.events.listEvents({ parent: 'formations/shop' });
      expect(events.map(({ message }) => message).sort()).toEqual([
        'cron job nightly was created by ada',
        'formation shop was created by ada',
        'route shop was created by ada: shop.localhost/ → web.shop.service',
        'v1 was released by ada',
        'v1 was scaled to web=1 worker=2 by ada',
      ]);
    });
  });

  test('without an image it is planned, as one may be built, and not done', async () => {
    const { image: _, ...rest } = shop.release ?? {};
    expect(linesOf(await apply(api, { release: rest }, { validateOnly: true }))).toContain(
      '~ scale web 0 → 1',
    );
    await expect(apply(api, { release: rest })).rejects.toThrow('v1 has no image: gilliam deploy first');
    expect(await formationOf(api)).toBeUndefined();
  });
});

describe('a formation by the name of the platform', () => {
  const options = { name: 'gilliam' };

  test('is not made, and it is said why', async () => {
    await expect(apply(api, shop, options)).rejects.toThrow(
      `formation name "gilliam" is reserved: names such as api.gilliam.service are the platform's own: choose another one`,
    );
    await expect(apply(api, shop, { ...options, validateOnly: true })).rejects.toThrow('is reserved');
  });

  test('that there is from before is applied as any other', async () => {
    const object: Formation = formations.decode(new Uint8Array());
    Object.assign(object.metadata, { name: 'gilliam', uid: 'u', generation: 1n });
    await api.store.commit([{ op: 'create', kind: formations, object }]);
    expect((await apply(api, shop, options)).release?.metadata?.name).toBe('v1');
  });
});

describe('a plan', () => {
  test('is what is then done, and has one name', async () => {
    const wish: Desired = { ...shop, routes: [route('a', 'a.localhost/')], cronJobs: [nightly] };
    const planned = await apply(api, wish, { validateOnly: true });
    expect(await formationOf(api)).toBeUndefined();
    expect((await apply(api, wish, { validateOnly: true })).plan).toBe(planned.plan);
    const done = await apply(api, wish, { expectedPlan: planned.plan });
    expect([done.plan, done.changes, done.instances]).toEqual([
      planned.plan,
      planned.changes,
      planned.instances,
    ]);
  });

  test('that is stale is refused', async () => {
    await apply(api, shop);
    const { plan } = await apply(api, config({ A: '2' }), { validateOnly: true });
    await apply(api, with_({ factors: { web: 4 } }));
    const refused = apply(api, config({ A: '2' }), { expectedPlan: plan });
    await expect(refused).rejects.toThrow(ConflictError);
    await expect(refused).rejects.toThrow('what was planned for shop');
    expect((await formationOf(api))?.status.lastRelease).toBe(1);
  });
});
