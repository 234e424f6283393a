import {
  ConflictError,
  ExhaustedError,
  InvalidError,
  NotFoundError,
  PreconditionError,
} from '../base/errors';
import { scales } from '../resource/objects';
import { ApiHarness } from '../testing/api-harness';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(() => api.close());

interface Over {
  release?: string;
  mask?: string[];
  revision?: bigint;
  validateOnly?: boolean;
}
const scale = (
  factors: Record<string, number>,
  { release = 'v1', mask, revision, validateOnly }: Over = {},
) =>
  api.client.scales.updateScale({
    scale: { metadata: { formation: 'shop', name: release, revision }, spec: { factors } },
    updateMask: mask ?? Object.keys(factors).map((name) => `factors.${name}`),
    validateOnly,
  });
const factors = async (release = 'v1') =>
  (await api.client.scales.getScale({ name: `formations/shop/scales/${release}` })).scale?.spec?.factors;

test('factors are merged one by one, and 0 is the same as none', async () => {
  expect(await factors()).toEqual({});
  const first = await scale({ web: 2 });
  expect(first.scale).toMatchObject({
    metadata: { name: 'v1', generation: 1n },
    spec: { factors: { web: 2 } },
  });
  const second = await scale({ worker: 4 });
  expect(second.scale).toMatchObject({
    metadata: { generation: 2n },
    spec: { factors: { web: 2, worker: 4 } },
  });
  await scale({ web: 0 });
  expect(await factors()).toEqual({ worker: 4 });
});

test('without a mask, and with all of factors named, all are replaced', async () => {
  await scale({ web: 2, worker: 1 });
  await scale({ web: 3 }, { mask: [] });
  expect(await factors()).toEqual({ web: 3 });
  await scale({ worker: 1 }, { mask: ['factors'] });
  expect(await factors()).toEqual({ worker: 1 });
});

test('a named factor that is absent is none; one that is not named is a mistake', async () => {
  await scale({ web: 2, worker: 1 });
  await scale({}, { mask: ['factors.web'] });
  expect(await factors()).toEqual({ worker: 1 });
  await expect(scale({ web: 1, worker: 9 }, { mask: ['factors.web'] })).rejects.toThrow(
    'update_mask does not name factors.worker',
  );
});

test('- stands for the newest release', async () => {
  await api.client.releases.createRelease({
    parent: 'formations/shop',
    spec: { config: { B: '1' } },
    updateMask: ['config.B'],
  });
  expect((await scale({ web: 1 }, { release: '-' })).scale?.metadata?.name).toBe('v2');
  expect(await factors('-')).toEqual({ web: 1 });
  const { scales: all } = await api.client.scales.listScales({ parent: 'formations/shop' });
  expect(all.map(({ metadata }) => metadata?.name)).toEqual(['v2']);
});

test('validate_only and a change of nothing change nothing', async () => {
  const would = await scale({ web: 2 }, { validateOnly: true });
  expect(would.scale?.spec?.factors).toEqual({ web: 2 });
  expect(await api.store.get(scales, { formation: 'shop', name: 'v1' })).toBeUndefined();
  const { scale: first } = await scale({ web: 2 });
  const { scale: same } = await scale({ web: 2 });
  expect(same).toEqual(first);
});

test.each<[string, () => Promise<unknown>, new (message: string) => Error, string]>([
  [
    'an unknown process',
    () => scale({ wbe: 1 }),
    InvalidError,
    'v1 has no process "wbe": did you mean "web"?',
  ],
  [
    'a name that every object has',
    () => scale({ constructor: 1 }),
    InvalidError,
    'has no process "constructor"',
  ],
  ['an impossible factor', () => scale({ web: 4_000_000_000 }), InvalidError, 'scale factor of web'],
  [
    'an unknown release',
    () => scale({ web: 1 }, { release: 'v9' }),
    NotFoundError,
    '"shop" has no release v9',
  ],
  ['no release', () => scale({ web: 1 }, { release: '' }), InvalidError, 'is not of the form v1'],
  ['a wrong mask', () => scale({ web: 1 }, { mask: ['web'] }), InvalidError, 'update_mask names "web"'],
  ['too many', () => scale({ web: 999, worker: 2 }), ExhaustedError, 'over its limit of 1,000'],
])('%s is refused', async (_name, call, type, message) => {
  const error = (await call().catch((thrown: unknown) => thrown)) as Error;
  expect(error).toBeInstanceOf(type);
  expect(error.message).toContain(message);
});

test('a release without an image cannot be scaled', async () => {
  await api.client.formations.createFormation({ formation: { metadata: { name: 'empty' } } });
  await api.client.releases.createRelease({
    parent: 'formations/empty',
    spec: { config: { A: '1' } },
    updateMask: ['config.A'],
  });
  const call = api.client.scales.updateScale({
    scale: { metadata: { formation: 'empty', name: 'v1' }, spec: { factors: { web: 1 } } },
  });
  await expect(call).rejects.toThrow(PreconditionError);
  await expect(call).rejects.toThrow('v1 has no image: gilliam deploy first');
});

test('an update with a revision is refused when the scale has changed since', async () => {
  const { scale: first } = await scale({ web: 1 });
  const revision = first?.metadata?.revision;
  await scale({ web: 2 }, { revision });
  await expect(scale({ web: 3 }, { revision })).rejects.toThrow(ConflictError);
  await expect(scale({ web: 3 }, { revision })).rejects.toThrow('has changed since revision');
  expect(await factors()).toEqual({ web: 2 });
});

test('invariant 5: two scales at the same moment are both applied in some order, or one is refused: never a mix', async () => {
  for (let round = 0; round < 10; round++) {
    const wished = [
      { web: 1, worker: 1 },
      { web: 2, worker: 2 },
      { web: 3, worker: 3 },
    ];
    const results = await Promise.allSettled(wished.map((factors) => scale(factors)));
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConflictError);
    }
    const now = await factors();
    expect(now?.web).toBe(now?.worker);
    expect(wished).toContainEqual(now);
  }
});

test('changes of different processes at the same moment are both kept', async () => {
  await Promise.all([scale({ web: 5 }), scale({ worker: 7 })]);
  expect(await factors()).toEqual({ web: 5, worker: 7 });
});

test('the limit of a formation holds over all its releases, also at the same moment', async () => {
  await api.client.releases.createRelease({
    parent: 'formations/shop',
    spec: { config: { B: '1' } },
    updateMask: ['config.B'],
  });
  await scale({ web: 100 });
  await scale({ web: 100 }, { release: 'v2' });
  const results = await Promise.allSettled([scale({ web: 700 }), scale({ web: 700 }, { release: 'v2' })]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const sum = ((await factors('v1'))?.web ?? 0) + ((await factors('v2'))?.web ?? 0);
  expect(sum).toBe(800);
});

test.each([
  ['the first scales', []],
  ['scales without any', ['v1', 'v2']],
])('nor do %s of two releases exceed it together', async (_what, before) => {
  await api.client.releases.createRelease({
    parent: 'formations/shop',
    spec: { config: { B: '1' } },
    updateMask: ['config.B'],
  });
  for (const release of before) {
    await scale({ web: 1 }, { release });
    await scale({ web: 0 }, { release });
  }
  const commit = api.store.commit.bind(api.store);
  let first = true;
  api.store.commit = async (writes, ...rest) => {
    if (first && writes.some(({ kind }) => kind === scales)) {
      first = false;
      // The other one comes in between.
      await scale({ web: 700 }, { release: 'v2' });
    }
    return commit(writes, ...rest);
  };
  await expect(scale({ web: 700 })).rejects.toThrow(
    'shop would have 1,400 instances, over its limit of 1,000',
  );
});

test('what is deleted at the same moment is not scaled', async () => {
  const commit = api.store.commit.bind(api.store);
  let first = true;
  api.store.commit = async (writes, ...rest) => {
    if (first && writes.some(({ kind }) => kind === scales)) {
      first = false;
      await api.client.formations.deleteFormation({ name: 'formations/shop' });
    }
    return commit(writes, ...rest);
  };
  await expect(scale({ web: 1 })).rejects.toBeInstanceOf(PreconditionError);
  expect((await api.store.list(scales)).items).toEqual([]);
});

test('who scaled what is told as an event', async () => {
  await api.connect({ token: 'user-token', user: 'ada' }).scales.updateScale({
    scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { worker: 4, web: 2 } } },
  });
  const { events } = await api.client.events.listEvents({ parent: 'formations/shop', about: 'v1' });
  expect(events.find(({ reason }) => reason === 'Scaled')?.message).toBe(
    'v1 was scaled to web=2 worker=4 by ada',
  );
});
