import {
  ConflictError,
  ExistsError,
  InvalidError,
  PreconditionError,
  UnavailableError,
} from '../../base/errors';
import { developmentCertificate } from '../../certificates/development-certificate';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { ReleaseSpec } from '../../gen/gilliam/v1/release';
import { RolloutPhase, RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import {
  cronJobs,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  type Formation,
  type Release,
  type Rollout,
  type Route,
} from '../../resource/objects';
import { ApiHarness, eventually, testImage, testProcesses } from '../../testing/api-harness';
import {
  apply,
  factorsIn,
  finishRollout,
  instanceLinesOf,
  linesOf,
  rolloutOf,
  shop,
  type Desired,
} from './testing';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

const route = (name: string, pattern: string, target = 'web.shop.service') => ({
  metadata: { name },
  spec: { pattern, target },
});
const nightly = { metadata: { name: 'nightly' }, spec: { schedule: '30 2 * * *', command: ['backup'] } };
const otherImage = `sha256:${'2'.repeat(64)}`;
const with_ = (over: Desired): Desired => ({ ...shop, ...over });
const config = (entries: Record<string, string>): Desired => ({
  release: { ...shop.release, config: entries },
});
const processes = (over: object): Desired => ({
  release: { image: testImage, processes: { ...testProcesses, ...over } },
});
/** What was written, event records apart. */
const formation = () => api.store.get(formations, { formation: '', name: 'shop' });
const release = (name: string) => api.store.get(releases, { formation: 'shop', name });

async function settled(): Promise<bigint> {
  // Events are written after the fact: two looks at one revision mean that none is under way.
  let revision = -1n;
  return eventually(async () => {
    const now = api.memory.server.revision;
    const before = revision;
    revision = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(now).toBe(before);
    return now;
  });
}

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
      formation(),
      release('v1'),
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
    const before = await settled();
    const again = await apply(api, whole);
    expect([again.changes, again.rollout]).toEqual([[], undefined]);
    expect(again.release?.metadata?.name).toBe('v1');
    expect(await settled()).toBe(before);
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
    expect(await formation()).toBeUndefined();
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

describe('a release', () => {
  test('is made of what is said and what there is: config is added to, the image stays', async () => {
    await apply(api, with_({ factors: { web: 0, worker: 0 } }));
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { config: { B: '2' } },
      updateMask: ['config.B'],
    });
    const made = await apply(api, {
      release: { processes: testProcesses, config: { A: 'new' }, message: 'why' },
    });
    expect(linesOf(made)).toEqual(['+ release v3 why', '~ release v3 config.A 1 → new']);
    expect((await release('v3'))?.spec).toMatchObject({ image: testImage, config: { A: 'new', B: '2' } });
  });

  test('says what changes in it, field by field', async () => {
    await apply(api, with_({ factors: { web: 0, worker: 0 } }));
    const planned = await apply(
      api,
      {
        release: {
          image: otherImage,
          config: { A: '1', C: 'x' },
          processes: {
            web: {
              command: ['/bin/sh', '-c', 'exec serve --fast'],
              ports: [{ containerPort: 9090 }],
              env: { LEVEL: 'debug', EMPTY: '' },
              resources: { memoryBytes: 256n << 20n },
            },
            worker: testProcesses.worker,
            cron: { command: ['tick', 'a b'] },
          },
        },
      },
      { validateOnly: true },
    );
    expect(linesOf(planned)).toEqual([
      '+ release v2',
      `~ release v2 image ${testImage} → ${otherImage}`,
      '+ release v2 config.C x',
      '+ release v2 processes.cron tick "a b"',
      '~ release v2 processes.web.script serve → serve --fast',
      '~ release v2 processes.web.ports 8080 → 9090',
      '+ release v2 processes.web.env.LEVEL debug',
      '+ release v2 processes.web.env.EMPTY',
      '+ release v2 processes.web.resources.memory 256 MiB',
      '~ scale cron 0 → 1',
    ]);
  });

  test('goes on with what was said before it was refused', async () => {
    await apply(api, shop);
    const v1 = await api.store.get(releases, { formation: 'shop', name: 'v1' });
    if (!v1) throw new Error('no release');
    const db = { volumes: [{ name: 'a-2-b', path: '/data' }] };
    const spec = ReleaseSpec.fromPartial({ ...v1.spec, processes: { ...v1.spec.processes, db } });
    const stored: Release = { ...v1, spec };
    await api.store.commit([{ op: 'update', kind: releases, object: stored }]);
    const { processes: known } = spec;
    const wish = { ...shop, release: { ...shop.release, processes: known, config: { A: '2' } } };
    await eventually(async () => expect((await apply(api, wish)).release?.metadata?.name).toBe('v2'));
    const clash = { ...known, 'db-1-a': { volumes: [{ name: 'b', path: '/data' }] } };
    await expect(apply(api, { ...shop, release: { ...shop.release, processes: clash } })).rejects.toThrow(
      'process db-1-a: volume name "b" is not allowed: it could be taken for "a-2-b" of db',
    );
  });

  test('is not made for routes alone', async () => {
    await apply(api, shop);
    const { changes } = await apply(api, { routes: [route('a', 'a.localhost/')] });
    expect(changes).toHaveLength(1);
    expect((await formation())?.status.lastRelease).toBe(1);
  });
});

describe('factors', () => {
  const worker0 = { release: shop.release, factors: { worker: 0 } };

  test('that are left out stay, also at none; new processes begin with one', async () => {
    await apply(api, with_({ factors: { web: 3, worker: 0 } }));
    const made = await apply(api, { ...processes({ mail: { command: ['mail'] } }) });
    expect(made.rollout?.spec?.factors).toEqual({ web: 3, mail: 1 });
  });

  test('of a process that was scaled to none by hand stay there', async () => {
    await api.shop();
    const scale = (factors: Record<string, number>) =>
      api.client.scales.updateScale({
        scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors } },
        updateMask: Object.keys(factors).map((name) => `factors.${name}`),
      });
    await scale({ web: 2 });
    await scale({ web: 0 });
    await apply(api, shop);
    expect(await factorsIn(api)).toEqual({ v1: { worker: 1 } });
  });

  test('of a service that may be scaled to none begin there', async () => {
    await apply(api, { ...worker0, formation: { scaling: { web: { min: 0, max: 2 } } } });
    expect(await factorsIn(api)).toEqual({});
  });

  test('change straight away where one release runs, and only those that are named', async () => {
    await apply(api, shop);
    const made = await apply(api, with_({ factors: { web: 3 } }));
    expect(linesOf(made)).toEqual(['~ scale web 1 → 3']);
    expect(await factorsIn(api)).toEqual({ v1: { web: 3, worker: 1 } });
  });

  test.each<[string, Desired, new (message: string) => Error, string]>([
    ['an unknown process', { factors: { wbe: 1 } }, InvalidError, 'did you mean "web"?'],
    ['too many', { factors: { web: 100_001 } }, InvalidError, 'scale factor of web is 100,001'],
    ['more than the limit', { factors: { web: 1_001 } }, Error, 'over its limit of 1,000'],
    [
      'more than the new limit',
      { factors: { web: 3 }, formation: { limits: { maxInstances: 2 } } },
      Error,
      'over its limit of 2',
    ],
  ])('of %s are refused', async (_, over, type, message) => {
    const refused = apply(api, with_(over));
    await expect(refused).rejects.toThrow(type);
    await expect(refused).rejects.toThrow(message);
    expect(await formation()).toBeUndefined();
  });
});

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
    expect((await rolloutOf(api))?.metadata.revision).toBe((await release('v2'))?.metadata.revision);
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
    const before = await settled();
    expect((await apply(api, config({ A: '2' }))).changes).toEqual([]);
    expect(await settled()).toBe(before);
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

  test('is tried again after a rollout that was aborted, with what was new in it', async () => {
    const wish = processes({ mail: { command: ['mail'] } });
    await apply(api, wish);
    await finishRollout(api, RolloutPhase.ABORTED);
    const held = await apply(api, wish);
    expect({ lines: linesOf(held), rollout: held.rollout }).toEqual({ lines: [], rollout: undefined });
    expect(held.held).toMatch(
      /^v2 was taken back at 2\d{3}-.*Z \(CrashLoop\): web.4 of v2 was restarted 3 times$/,
    );
    expect((await apply(api, { ...wish, routes: [route('a', 'a.localhost/')] })).held).toBe(held.held);
    const fixed = { ...wish, release: { ...wish.release, config: { FIXED: '1' } } };
    const other = await apply(api, fixed, { validateOnly: true });
    expect(other).toMatchObject({ held: '' });
    expect(linesOf(other)).toContain('+ rollout v1 to v3');
    const again = await apply(api, wish, { retry: true });
    expect(linesOf(again)).toEqual(['+ rollout v1 to v2']);
    expect(again.rollout?.spec?.factors).toEqual({ web: 2, worker: 1, mail: 1 });
  });

  describe('that was taken back', () => {
    const wish: Desired = { ...config({ A: '2' }), rollout: { surge: 2 }, factors: { web: 3 } };

    beforeEach(async () => {
      await apply(api, wish);
      await finishRollout(api, RolloutPhase.ABORTED);
      expect((await apply(api, wish)).held).toContain('v2 was taken back');
    });

    test.each<readonly [string, Desired]>([
      ['another way to roll out', { rollout: { surge: 1 } }],
      ['other gates', { rollout: { surge: 2, gates: { ignoreRequests: true } } }],
      ['a canary', { rollout: { surge: 2, canary: { size: { $case: 'instances', value: 1 } } } }],
      ['nothing said of the way any more', { rollout: undefined }],
      ['another factor', { factors: { web: 4 } }],
      ['a factor of one more process', { factors: { web: 3, worker: 2 } }],
    ])('is tried again, once, with %s', async (_, changed) => {
      const again = await apply(api, { ...wish, ...changed });
      expect(again).toMatchObject({ held: '', rollout: { spec: { from: ['v1'], to: 'v2' } } });
      await finishRollout(api, RolloutPhase.ABORTED);
      const held = await apply(api, { ...wish, ...changed });
      expect(held).toMatchObject({
        rollout: undefined,
        held: expect.stringContaining('taken back') as string,
      });
    });

    test('is not tried again since somebody else has scaled what runs', async () => {
      await api.client.scales.updateScale({
        scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { web: 5 } } },
      });
      expect((await apply(api, wish)).held).toContain('v2 was taken back');
    });

    test('is not tried again where another than apply had begun it: what has changed since cannot be told', async () => {
      await api.client.rollouts.createRollout({ parent: 'formations/shop', spec: { to: 'v2' } });
      await finishRollout(api, RolloutPhase.ABORTED);
      expect((await apply(api, wish)).held).toContain('v2 was taken back');
      expect((await apply(api, { ...wish, factors: { web: 9 } })).held).toContain('v2 was taken back');
    });
  });

  test('is not begun again while it is stuck on its way back, unless that is asked for', async () => {
    await apply(api, config({ A: '2' }));
    const rollout = await rolloutOf(api, 'shop');
    if (!rollout) throw new Error('no rollout');
    const verdict = { reason: 'CrashLoop', message: 'web.4 of v2 was restarted 3 times' };
    const status = { ...rollout.status, ...verdict, phase: RolloutPhase.ABORTING, forced: true };
    const stuck: Rollout = { ...rollout, status };
    await api.store.commit([{ op: 'update', kind: rollouts, object: stuck }]);
    const held = await apply(api, config({ A: '2' }));
    expect(held.rollout).toBeUndefined();
    expect(held.held).toMatch(
      /^v2 is being taken back since 2\d{3}-.*Z \(CrashLoop\): web.4 of v2 was restarted/,
    );
    const mended = await apply(api, config({ A: '3' }), { validateOnly: true });
    expect(linesOf(mended)).toContain('+ rollout v1 to v3');
    const again = await apply(api, config({ A: '2' }), { retry: true });
    expect(again.rollout?.spec).toMatchObject({ from: ['v1'], to: 'v2' });
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

describe('prune', () => {
  test('is needed for what formations have to go: limits, rules, shares and imports', async () => {
    await api.client.formations.createFormation({ formation: { metadata: { name: 'accounts' } } });
    const described = {
      limits: { maxInstances: 10 },
      scaling: { web: { min: 1, max: 5 }, worker: { min: 1, max: 2 } },
      shares: { _cache: { with: ['accounts'] } },
      imports: { users: 'web.accounts' },
    };
    const wish = processes({ _cache: { image: testImage, auxiliary: { type: 'redis' } } });
    await apply(api, { ...wish, formation: described });
    const more = { imports: { mail: 'web.mail' } };
    const made = await apply(api, { ...wish, formation: more, factors: { worker: 1 } });
    expect(linesOf(made)).toEqual([
      '- formation shop scaling.worker 1 to 2',
      '+ formation shop imports.mail web.mail',
    ]);
    expect((await formation())?.spec).toMatchObject({
      limits: described.limits,
      shares: described.shares,
      imports: { users: 'web.accounts', mail: 'web.mail' },
    });
    expect(Object.keys((await formation())?.spec.scaling ?? {})).toEqual(['web']);
    await apply(api, { ...wish, formation: more }, { prune: true });
    expect((await formation())?.spec).toEqual({
      limits: undefined,
      scaling: {},
      shares: {},
      imports: more.imports,
    });
  });

  const all: Desired = {
    ...shop,
    routes: [route('a', 'a.localhost/'), route('b', 'b.localhost/')],
    cronJobs: [nightly],
  };
  const less: Desired = {
    release: { processes: { web: testProcesses.web } },
    routes: [route('b', 'b.localhost/')],
  };
  const namesOf = async () =>
    (await api.store.list(routes)).items.map(({ metadata }) => metadata.name).sort();

  test('is never by default', async () => {
    await apply(api, all);
    const { changes } = await apply(api, less);
    expect(changes).toEqual([]);
    expect(await namesOf()).toEqual(['a', 'b']);
  });

  test('removes what was applied, and nothing else', async () => {
    await api.shop();
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { processes: { ...testProcesses, debug: { command: ['debug'] } } },
      updateMask: ['processes'],
    });
    await api.client.routes.createRoute({
      parent: 'formations/shop',
      route: route('mine', 'mine.localhost/'),
    });
    await apply(api, { ...all, ...config({ A: '2' }) });
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { config: { B: '1' } },
      updateMask: ['config.B'],
    });
    const pruned = await apply(api, less, { prune: true });
    expect(linesOf(pruned)).toEqual([
      '+ release v5',
      '- release v5 processes.worker work',
      '+ rollout v3 to v5',
      '- route a a.localhost/ → web.shop.service',
      '- cron nightly 30 2 * * * backup',
    ]);
    expect(await namesOf()).toEqual(['b', 'mine']);
    expect(Object.keys((await release('v5'))?.spec.processes ?? {}).sort()).toEqual(['debug', 'web']);
    expect(pruned.rollout?.spec).toMatchObject({ allowMissing: true, factors: { web: 1, debug: 1 } });
  });
});

describe('a plan', () => {
  test('is what is then done, and has one name', async () => {
    const wish: Desired = { ...shop, routes: [route('a', 'a.localhost/')], cronJobs: [nightly] };
    const planned = await apply(api, wish, { validateOnly: true });
    expect(await formation()).toBeUndefined();
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
    expect((await formation())?.status.lastRelease).toBe(1);
  });
});

describe('auxiliary services', () => {
  const redis = {
    image: testImage,
    volumes: [{ name: 'data', path: '/data' }],
    auxiliary: {
      type: 'redis',
      version: '7',
      urlVariable: 'CACHE_URL',
      url: 'redis://:{secret}@{host}:{port}',
    },
  };
  const secretOf = async (name: string, service = '_cache') =>
    (await release(name))?.spec.processes[service]?.auxiliary?.secret ?? '';

  test('have secrets that are made once, carried on, and never shown', async () => {
    const end = new AbortController();
    const watched: unknown[] = [];
    const watching = (async () => {
      const request = { parent: 'formations/-', kinds: ['Release'] };
      for await (const { changes } of api.client.watch.watch(request, { signal: end.signal })) {
        watched.push(...changes.map(({ object }) => object?.value));
      }
    })().catch(() => undefined);
    const planned = await apply(api, processes({ _cache: redis }), { validateOnly: true });
    const made = await apply(api, processes({ _cache: redis }), { expectedPlan: planned.plan });
    const secret = await secretOf('v1');
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const next = await apply(api, {
      release: { processes: { ...testProcesses, _cache: redis }, config: { A: 'x' } },
    });
    expect(await secretOf('v2')).toBe(secret);
    expect(linesOf(next)).not.toContainEqual(expect.stringContaining('_cache'));

    const { releases: listed } = await api.client.releases.listReleases({ parent: 'formations/shop' });
    const { release: got } = await api.client.releases.getRelease({ name: 'formations/shop/releases/v1' });
    await eventually(() => expect(watched.length).toBeGreaterThan(0));
    end.abort();
    await watching;
    for (const seen of [planned, made, next, listed, got, watched]) {
      const text = JSON.stringify(seen, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(text).not.toContain(secret);
      expect(text).not.toMatch(/"secret":"[^"]/);
    }
  });

  test('find their secret again after they were gone', async () => {
    await apply(api, { ...processes({ _cache: redis }), factors: { web: 0, worker: 0, _cache: 0 } });
    await apply(api, shop, { prune: true });
    expect((await release('v2'))?.spec.processes).not.toHaveProperty('_cache');
    await eventually(async () => {
      const planned = await apply(api, processes({ _cache: redis }), { validateOnly: true });
      expect(planned.release?.metadata?.name).toBe('v3');
    });
    await apply(api, processes({ _cache: redis }));
    expect(await secretOf('v3')).toBe(await secretOf('v1'));
  });

  test('are carried on by a deploy that says nothing of their secret, and none is taken from outside', async () => {
    await apply(api, processes({ _cache: redis }));
    const spec = { image: otherImage, processes: { ...testProcesses, _cache: redis } };
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec,
      updateMask: ['image', 'processes'],
    });
    expect(await secretOf('v2')).toBe(await secretOf('v1'));
    const own = { ...redis, auxiliary: { ...redis.auxiliary, secret: 'mine' } };
    await expect(apply(api, processes({ _cache: own }))).rejects.toThrow('is made here: leave it out');
  });

  test('of the same words are kept by a rollout', async () => {
    await apply(api, processes({ _cache: redis }));
    await api.placeInstance({ process: '_cache' });
    await eventually(async () => {
      const wish = { release: { processes: { ...testProcesses, _cache: redis }, config: { A: 'x' } } };
      const planned = await apply(api, wish, { validateOnly: true });
      expect(instanceLinesOf(planned)).toContain('keep _cache.1 v1');
    });
  });

  test('with one volume are not scaled above 1', async () => {
    await expect(apply(api, { ...processes({ _cache: redis }), factors: { _cache: 2 } })).rejects.toThrow(
      '_cache has the volume "data", and 2 instances would each keep data of their own',
    );
  });

  test('of other formations are imported where they are shared; a plan does not ask', async () => {
    const wish: Desired = { ...shop, formation: { imports: { store: '_cache.accounts' } } };
    await expect(apply(api, wish)).rejects.toThrow('gilliam share _cache --with shop');
    expect((await apply(api, wish, { validateOnly: true })).changes.length).toBeGreaterThan(0);
    await apply(
      api,
      { ...processes({ _cache: redis }), formation: { shares: { _cache: { with: ['shop'] } } } },
      { name: 'accounts' },
    );
    await apply(api, wish);
    expect((await formation())?.spec.imports).toEqual({ store: '_cache.accounts' });
  });
});

describe('routes', () => {
  test('that match the same as another are refused, whosever it is', async () => {
    await apply(api, { ...shop, routes: [route('a', 'a.localhost/x')] }, { name: 'other' });
    const refused = apply(api, { ...shop, routes: [route('mine', 'a.localhost/x')] });
    await expect(refused).rejects.toThrow(ExistsError);
    await expect(refused).rejects.toThrow('route a of "other" matches exactly what "a.localhost/x" does');
    await expect(
      apply(api, { ...shop, routes: [route('a', 'b.localhost/'), route('b', 'b.localhost/')] }),
    ).rejects.toThrow('matches exactly');
    expect(await formation()).toBeUndefined();
  });

  test('may take over from each other what they match', async () => {
    await apply(api, { ...shop, routes: [route('a', 'a.localhost/'), route('b', 'b.localhost/')] });
    await apply(api, { routes: [route('a', 'b.localhost/'), route('b', 'a.localhost/')] });
    await apply(api, { routes: [route('b', 'c.localhost/')] });
    await apply(api, { routes: [route('c', 'a.localhost/')] });
    await expect(apply(api, { routes: [route('d', 'b.localhost/')] })).rejects.toThrow('route a of "shop"');
  });

  test('four hundred fit into one step, and more are refused with what to do', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => route(`r${index}`, `r${index}.localhost/`));
    await apply(api, { ...shop, routes: many(400) });
    expect((await api.store.list(routes)).items).toHaveLength(400);
    const refused = apply(api, { ...shop, routes: many(950) });
    await expect(refused).rejects.toThrow(
      /^shop is too much for one step: .* at most 1000: apply some of its routes first, or make two formations of it$/,
    );
    expect((await api.store.list(routes)).items).toHaveLength(400);
    await apply(api, { ...shop, routes: many(600) });
    expect((await api.store.list(routes)).items).toHaveLength(600);
  });

  test('with certificates for development keep theirs', async () => {
    const tls = {
      ...route('a', 'a.localhost/'),
      spec: { ...route('a', 'a.localhost/').spec, tls: { development: true } },
    };
    await apply(api, { ...shop, routes: [tls] });
    const before = await settled();
    expect((await apply(api, { ...shop, routes: [tls] })).changes).toEqual([]);
    expect(await settled()).toBe(before);
  });

  test('with certificates for development that end soon get new ones, and the plan says so', async () => {
    const tls = {
      ...route('a', 'a.localhost/'),
      spec: { ...route('a', 'a.localhost/').spec, tls: { development: true } },
    };
    await apply(api, { ...shop, routes: [tls] });
    const made = await routeOf();
    const old = await developmentCertificate('a.localhost', new Date(api.clock.now() - 350 * 86_400_000));
    const aged = { ...made, spec: { ...made.spec, tls: { ...old, development: true, fingerprint: 'old' } } };
    await api.store.commit([{ op: 'update', kind: routes, object: aged }]);
    const planned = await apply(api, { ...shop, routes: [tls] }, { validateOnly: true });
    expect(planned.changes).toEqual([
      expect.objectContaining({ object: 'route a', field: 'tls', after: 'for development, renewed' }),
    ]);
    await apply(api, { ...shop, routes: [tls] }, { expectedPlan: planned.plan });
    expect((await routeOf()).spec.tls?.certificate).not.toBe(old.certificate);

    async function routeOf(): Promise<Route> {
      const [found] = (await api.store.list(routes, { formation: 'shop' })).items;
      if (!found) throw new Error('no route');
      return found;
    }
  });
});

test.each<[string, Desired, string]>([
  ['nothing', undefined as unknown as Desired, 'desired is missing'],
  [
    'a cron line that never fires',
    { ...shop, cronJobs: [{ ...nightly, spec: { ...nightly.spec, schedule: '0 0 31 2 *' } }] },
    'never fires',
  ],
  [
    'a cron job of no process',
    { ...shop, cronJobs: [{ ...nightly, spec: { ...nightly.spec, process: 'wbe' } }] },
    'did you mean "web"?',
  ],
  ['a route without a name', { ...shop, routes: [route('', 'a.localhost/')] }, 'route name is missing'],
  [
    'a route twice',
    { ...shop, routes: [route('a', 'a.localhost/'), route('a', 'b.localhost/')] },
    'route "a" is there twice',
  ],
  ['a route that is none', { ...shop, routes: [route('a', 'a..localhost/')] }, 'route a: '],
  [
    'needs in a circle',
    processes({ a: { needs: ['b'] }, b: { needs: ['a'] } }),
    'needs go round in a circle: a → b → a',
  ],
  ['a requirement that does not compile', processes({ a: { requirements: ['tags.ssd =='] } }), 'column'],
  [
    'scaling with min above max',
    { ...shop, formation: { scaling: { web: { min: 3, max: 2 } } } },
    'min must not be above max',
  ],
  ['scaling of nothing', { ...shop, formation: { scaling: { wbe: { max: 2 } } } }, 'did you mean "web"?'],
])('%s is refused before anything is written', async (_, wish, message) => {
  const before = api.memory.server.revision;
  await expect(apply(api, wish)).rejects.toThrow(message);
  await expect(apply(api, wish, { validateOnly: true })).rejects.toThrow(InvalidError);
  expect(api.memory.server.revision).toBe(before);
});

test('all that is wrong is said at once', async () => {
  const wish = {
    ...processes({ run: {} }),
    factors: { wbe: 1 },
    cronJobs: [{ ...nightly, spec: { schedule: 'x', command: ['a'] } }],
  };
  const error = await apply(api, wish).catch((thrown: unknown) => thrown as InvalidError);
  expect((error as InvalidError).violations.map(({ field }) => field)).toEqual([
    'desired.release.processes.run',
    'desired.factors.wbe',
    'desired.cron_jobs[0].spec.schedule',
  ]);
});

describe('at the same time', () => {
  test('two applies both come to their end, one after the other', async () => {
    await Promise.all([
      apply(api, { ...shop, routes: [route('a', 'a.localhost/')] }),
      apply(api, { ...shop, routes: [route('b', 'b.localhost/')] }),
    ]);
    expect((await formation())?.status.lastRelease).toBe(1);
    expect((await api.store.list(routes)).items).toHaveLength(2);
    expect(await factorsIn(api)).toEqual({ v1: { web: 1, worker: 1 } });
  });

  test('invariant 4: two releases have two numbers', async () => {
    await apply(api, with_({ factors: { web: 0, worker: 0 } }));
    await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        apply(api, { release: { processes: testProcesses, config: { [`K${index}`]: '1' } } }),
      ),
    );
    expect((await formation())?.status.lastRelease).toBe(6);
    expect((await release('v6'))?.spec.config).toEqual({
      A: '1',
      K0: '1',
      K1: '1',
      K2: '1',
      K3: '1',
      K4: '1',
    });
  });

  test('a formation that is being deleted is not applied to', async () => {
    await apply(api, shop);
    // No controller leads here, as in all of these tests: apply asks for none. Read before the deletion, written after it: the transaction is refused, and the next look says why.
    const commit = api.store.commit.bind(api.store);
    const spy = jest.spyOn(api.store, 'commit').mockImplementationOnce(async (writes, guards, signal) => {
      spy.mockRestore();
      await api.client.formations.deleteFormation({ name: 'formations/shop' });
      return commit(writes, guards, signal);
    });
    await expect(apply(api, { routes: [route('a', 'a.localhost/')] })).rejects.toThrow('is being deleted');
    expect((await api.store.list(routes)).items).toEqual([]);
  });

  test('an apply whose answer was lost is asked again, and finds itself done', async () => {
    const commit = api.store.commit.bind(api.store);
    const spy = jest.spyOn(api.store, 'commit').mockImplementationOnce(async (writes, guards, signal) => {
      spy.mockRestore();
      await commit(writes, guards, signal);
      throw new UnavailableError('the store does not answer');
    });
    await expect(apply(api, shop)).rejects.toThrow(UnavailableError);
    expect((await apply(api, shop)).changes).toEqual([]);
    expect(await factorsIn(api)).toEqual({ v1: { web: 1, worker: 1 } });
  });

  test('a factor that is set meanwhile is not lost', async () => {
    await apply(api, shop);
    const commit = api.store.commit.bind(api.store);
    const spy = jest.spyOn(api.store, 'commit').mockImplementationOnce(async (writes, guards, signal) => {
      spy.mockRestore();
      await api.client.scales.updateScale({
        scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { web: 5 } } },
        updateMask: ['factors.web'],
      });
      return commit(writes, guards, signal);
    });
    const made = await apply(api, config({ A: '2' }));
    expect(made.rollout?.spec?.factors).toEqual({ web: 5, worker: 1 });
  });
});
