import { PreconditionError } from '../../base/errors';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { RolloutPhase, RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { instances, scales } from '../../resource/objects';
import { ApiHarness, eventually, testImage, testProcesses } from '../../testing/api-harness';
import {
  apply,
  config,
  type Desired,
  factorsIn,
  finishRollout,
  instanceLinesOf,
  linesOf,
  otherImage,
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

describe('what runs', () => {
  beforeEach(async () => {
    await apply(api, with_({ factors: { web: 2 } }));
  });

  test('moves by a rollout', async () => {
    await api.placeInstance({ ordinal: 1 });
    await api.placeInstance({ ordinal: 2 });
    await eventually(async () => {
      const planned = await apply(api, config({ A: '2' }), { validateOnly: true });
      expect(instanceLinesOf(planned)).toEqual([
        'start web.3 v2: config.A changes',
        'start web.4 v2: config.A changes',
        'stop web.1 v1: config.A changes',
        'stop web.2 v1: config.A changes',
        'start worker.1 v2: config.A changes',
      ]);
    });
    const made = await apply(api, {
      ...config({ A: '2' }),
      factors: { web: 3 },
      rollout: { canary: { size: { $case: 'instances', value: 1 } }, paceMs: 500 },
    });
    expect(linesOf(made)).toEqual([
      '+ release v2',
      '~ release v2 config.A 1 → 2',
      '~ scale web 2 → 3',
      '+ rollout v1 to v2, stopping at a canary of 1',
    ]);
    expect((await rolloutOf(api))?.spec).toMatchObject({
      to: 'v2',
      from: ['v1'],
      factors: { web: 3, worker: 1 },
      intent: RolloutSpec_Intent.PROCEED,
      paceMs: 500,
      allowMissing: false,
    });
    expect(await factorsIn(api)).toEqual({ v1: { web: 2, worker: 1 } });
    // What an abort, and a rollback, will bring back.
    expect((await rolloutOf(api))?.status).toMatchObject({
      phase: RolloutPhase.PROGRESSING,
      original: { v1: { factors: { web: 2, worker: 1 } } },
    });
    const retiring = await api.store.get(scales, { formation: 'shop', name: 'v1' });
    expect(retiring?.spec.retired?.factors).toEqual({ web: 2, worker: 1 });
    expect((await rolloutOf(api))?.metadata.revision).toBe((await releaseOf(api, 'v2'))?.metadata.revision);
  });

  test('has its ordinals until it has stopped', async () => {
    await api.placeInstance({ ordinal: 1 });
    const stopping = await api.placeInstance({ ordinal: 2 });
    const object = { ...stopping, spec: { ...stopping.spec, desired: InstanceSpec_Desired.STOPPED } };
    await api.store.commit([{ op: 'update', kind: instances, object }]);
    await api.placeInstance({ ordinal: 3, state: InstanceState.FAILED });
    await eventually(async () => {
      const planned = await apply(api, config({ A: '2' }), { validateOnly: true });
      expect(instanceLinesOf(planned).filter((line) => line.includes(' web.'))).toEqual([
        'start web.3 v2: config.A changes',
        'start web.4 v2: config.A changes',
        'stop web.1 v1: config.A changes',
      ]);
    });
  });

  test.each([
    ['gives its ordinal on, where there are volumes', [{ name: 'data', path: '/data' }], '_db.1'],
    ['keeps its ordinal without', [], '_db.2'],
  ])('of auxiliary services %s', async (_, volumes, started) => {
    const db = (level: string): Desired => ({
      release: {
        processes: { _db: { image: testImage, volumes, env: { A: level }, auxiliary: { type: 'x' } } },
      },
    });
    await apply(api, db('1'), { name: 'files' });
    await api.placeInstance({ formation: 'files', process: '_db' });
    await eventually(async () => {
      const planned = await apply(api, db('2'), { name: 'files', validateOnly: true });
      expect(instanceLinesOf(planned)).toEqual([
        `start ${started} v2: processes._db.env.A changes`,
        'stop _db.1 v1: processes._db.env.A changes',
      ]);
    });
  });

  test('is on its way: the same again writes nothing, another wish is refused and told of it', async () => {
    await apply(api, config({ A: '2' }));
    const before = await settled(api);
    expect((await apply(api, config({ A: '2' }))).changes).toEqual([]);
    expect(await settled(api)).toBe(before);
    for (const other of [config({ A: '3' }), { ...config({ A: '2' }), factors: { web: 9 } }]) {
      const refused = apply(api, other);
      await expect(refused).rejects.toThrow(PreconditionError);
      await expect(refused).rejects.toThrow('a rollout of "shop" to v2 is under way');
    }
    // What is not a matter of instances is done all the same.
    const more = await apply(api, { ...config({ A: '2' }), routes: [route('a', 'a.localhost/')] });
    expect(more.changes).toHaveLength(1);
    await finishRollout(api);
    expect((await apply(api, config({ A: '2' }))).changes).toEqual([]);
    const next = await apply(api, config({ A: '3' }));
    expect(next.rollout?.spec).toMatchObject({ from: ['v2'], to: 'v3', factors: { web: 2, worker: 1 } });
  });

  test('moves to the newest release, also where that was made by somebody else', async () => {
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { config: { A: '2' } },
      updateMask: ['config.A'],
    });
    const made = await apply(api, config({ A: '2' }));
    expect(linesOf(made)).toEqual(['+ rollout v1 to v2']);
  });

  test('goes on as it was after a rollback: what has none keeps none', async () => {
    await apply(api, with_({ factors: { worker: 0 } }));
    await apply(api, config({ A: '2' }));
    await finishRollout(api);
    await api.client.rollouts.rollback({ parent: 'formations/shop', release: 'v1' });
    await finishRollout(api);
    expect(await factorsIn(api)).toEqual({ v3: { web: 2 } });
    expect((await apply(api, shop)).changes).toEqual([]);
  });

  test('may be nothing but auxiliary services, which need no image of the release', async () => {
    const redis = (level: string): Desired => ({
      release: {
        processes: { _cache: { image: testImage, env: { LEVEL: level }, auxiliary: { type: 'redis' } } },
      },
    });
    await apply(api, redis('a'), { name: 'data' });
    const { rollout } = await apply(api, redis('b'), { name: 'data' });
    expect(rollout?.spec).toMatchObject({ to: 'v2', factors: { _cache: 1 } });
  });

  test('step by step, whatever is said: only a rollback is at once', async () => {
    await apply(api, { ...config({ A: '2' }), rollout: { immediate: true, surge: 2 } });
    expect((await rolloutOf(api))?.spec).toMatchObject({ immediate: false, surge: 2 });
  });

  test('does not disappear unasked', async () => {
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { image: otherImage, processes: { web: testProcesses.web } },
    });
    const wish: Desired = { release: { processes: { web: testProcesses.web } } };
    await expect(apply(api, wish)).rejects.toThrow(
      'worker (v1: 1) would disappear, since v2 has no such process: describe it, scale it to 0, or give --prune',
    );
    const made = await apply(api, wish, { prune: true });
    expect(made.rollout?.spec).toMatchObject({ allowMissing: true, factors: { web: 2 } });
  });
});
