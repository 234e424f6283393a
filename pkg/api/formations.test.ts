import {
  CompactedError,
  DeniedError,
  ExistsError,
  InvalidError,
  NotFoundError,
  UnauthenticatedError,
} from '../base/errors';
import { formations, volumes } from '../resource/objects';
import { ApiHarness } from '../testing/api-harness';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

const create = (name: string, validateOnly = false) =>
  api.client.formations.createFormation({ formation: { metadata: { name } }, validateOnly });

test('a formation is created, and is what get and list show', async () => {
  const { formation } = await create('shop');
  expect(formation).toMatchObject({
    metadata: {
      name: 'shop',
      formation: '',
      generation: 1n,
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    },
    status: { lastRelease: 0 },
  });
  expect(formation?.metadata?.created).toBeInstanceOf(Date);
  expect(formation?.metadata?.revision).toBeGreaterThan(0n);
  expect((await api.client.formations.getFormation({ name: 'formations/shop' })).formation).toEqual(
    formation,
  );
  const { formations: all, nextPageToken, revision } = await api.client.formations.listFormations({});
  expect(all).toEqual([formation]);
  expect(nextPageToken).toBe('');
  expect(revision).toBeGreaterThanOrEqual(formation?.metadata?.revision ?? 0n);
});

test('validate_only changes nothing', async () => {
  await create('shop', true);
  expect(await api.store.get(formations, { formation: '', name: 'shop' })).toBeUndefined();
});

test.each([
  ['', 'formation name is missing'],
  ['Shop', 'formation name "Shop" is not allowed'],
  ['-', 'not allowed'],
  ['a'.repeat(64), 'not allowed'],
  ['a/b', 'not allowed'],
])('the name %j is refused with the field', async (name, message) => {
  const error = await create(name).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidError);
  expect((error as InvalidError).message).toContain(message);
  expect((error as InvalidError).violations[0]?.field).toBe('formation.metadata.name');
});

test('a formation that exists is not created again, whoever is first', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => create('shop')));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const second = create('shop');
  await expect(second).rejects.toThrow(ExistsError);
  await expect(second).rejects.toThrow(
    'formation "shop" exists already: choose another name, or use it with --formation shop',
  );
});

test('what does not exist is said with what was probably meant', async () => {
  await create('shop');
  const misspelt = api.client.formations.getFormation({ name: 'formations/shp' });
  await expect(misspelt).rejects.toThrow(NotFoundError);
  await expect(misspelt).rejects.toThrow('formation "shp" does not exist: did you mean "shop"?');
  await expect(api.client.formations.getFormation({ name: 'formations/elsewhere' })).rejects.toThrow(
    'formation "elsewhere" does not exist: gilliam create elsewhere',
  );
  await expect(api.client.formations.getFormation({ name: 'shop' })).rejects.toThrow(InvalidError);
});

test('deletion is asked for once; then the formation takes no changes', async () => {
  await api.shop();
  const asked = await api.client.formations.deleteFormation({ name: 'formations/shop', validateOnly: true });
  expect(asked.formation?.metadata?.deleted).toBeInstanceOf(Date);
  expect(
    (await api.store.get(formations, { formation: '', name: 'shop' }))?.metadata.deleted,
  ).toBeUndefined();

  const first = await api.client.formations.deleteFormation({ name: 'formations/shop' });
  const second = await api.client.formations.deleteFormation({ name: 'formations/shop' });
  expect(second).toEqual(first);
  await expect(create('shop')).rejects.toThrow('is being deleted');
  await expect(
    api.client.releases.createRelease({ parent: 'formations/shop', updateMask: ['config.B'] }),
  ).rejects.toThrow('is being deleted');
});

describe('a formation is changed', () => {
  const update = (
    spec: object,
    updateMask: string[],
    more: { revision?: bigint; validateOnly?: boolean } = {},
  ) =>
    api.client.formations.updateFormation({
      formation: { metadata: { name: 'shop', revision: more.revision }, spec },
      updateMask,
      validateOnly: more.validateOnly,
    });
  const spec = async () => (await api.store.get(formations, { formation: '', name: 'shop' }))?.spec;
  beforeEach(() => api.shop());

  test('by entries: those that are not named stay', async () => {
    await update({ scaling: { web: { max: 3 }, worker: { max: 2 } } }, ['scaling']);
    await update({ scaling: { web: { min: 1, max: 4 } }, imports: { users: 'web.accounts' } }, [
      'scaling.web',
      'imports.users',
    ]);
    expect(await spec()).toMatchObject({
      scaling: { web: { min: 1, max: 4 }, worker: { max: 2 } },
      imports: { users: 'web.accounts' },
    });
    await update({}, ['scaling.worker', 'imports']);
    expect(await spec()).toMatchObject({ scaling: { web: { max: 4 } }, imports: {} });
    expect(Object.keys((await spec())?.scaling ?? {})).toEqual(['web']);
  });

  test('not by a change that changes nothing, nor by validate_only', async () => {
    const { formation: first } = await update({ limits: { maxInstances: 9 } }, ['limits']);
    const { formation: again } = await update({ limits: { maxInstances: 9 } }, ['limits']);
    expect(again).toEqual(first);
    const { formation: would } = await update({}, ['limits'], { validateOnly: true });
    expect(would?.spec?.limits).toBeUndefined();
    expect((await spec())?.limits?.maxInstances).toBe(9);
  });

  test('only as the caller knows it', async () => {
    const { formation } = await update({ limits: { maxInstances: 9 } }, ['limits']);
    const revision = formation?.metadata?.revision ?? 0n;
    await update({ limits: { maxInstances: 8 } }, ['limits'], { revision });
    await expect(update({}, ['limits'], { revision })).rejects.toThrow('has changed since revision');
  });

  test.each<[string, object, string[], string]>([
    ['no mask', { limits: { maxInstances: 1 } }, [], 'update_mask is missing'],
    ['an unknown field', {}, ['limit'], 'update_mask names "limit"'],
    [
      'what the mask does not name',
      { scaling: { web: { max: 1 } } },
      ['scaling.worker'],
      'does not name scaling.web',
    ],
    ['min above max', { scaling: { web: { min: 2, max: 1 } } }, ['scaling.web'], 'min must not be above max'],
    ['an unknown process', { scaling: { wbe: { max: 1 } } }, ['scaling'], 'did you mean "web"?'],
    ['an unknown share', { shares: { _db: { with: ['*'] } } }, ['shares'], 'shop has no process "_db"'],
  ])('%s is refused', async (_, asked, mask, message) => {
    await expect(update(asked, mask)).rejects.toThrow(message);
  });

  test('an auxiliary service of another formation is imported only where it is shared', async () => {
    await api.client.formations.createFormation({ formation: { metadata: { name: 'accounts' } } });
    const imports = { store: '_db.accounts' };
    await expect(update({ imports }, ['imports'])).rejects.toThrow(
      'store cannot stand for _db.accounts: accounts does not share _db with shop: gilliam share _db --with shop --formation accounts',
    );
    await expect(update({ imports: { store: '_db.none' } }, ['imports'])).rejects.toThrow(
      '"none" does not exist',
    );
    await api.client.formations.updateFormation({
      formation: { metadata: { name: 'accounts' }, spec: { shares: { _db: { with: ['shop'] } } } },
      updateMask: ['shares'],
    });
    await update({ imports }, ['imports']);
    expect((await spec())?.imports).toEqual(imports);
  });
});

test('a formation with volumes is deleted with them, or not at all', async () => {
  await api.shop();
  const key = { formation: 'shop', name: '_db-1-data' };
  const metadata = { ...key, uid: 'u', generation: 1n, revision: 0n, labels: {} };
  const volume = { metadata, spec: { service: '_db', ordinal: 1, volume: 'data', executor: 'node-1' } };
  await api.store.commit([{ op: 'create', kind: volumes, object: volume }]);
  const remove = (deleteVolumes: boolean) =>
    api.client.formations.deleteFormation({ name: 'formations/shop', deleteVolumes });
  await expect(remove(false)).rejects.toThrow(
    'formation "shop" has data in _db-1-data on node-1: give --delete-volumes to delete that too, or gilliam volumes delete first',
  );
  expect(
    (await api.store.get(formations, { formation: '', name: 'shop' }))?.metadata.deleted,
  ).toBeUndefined();
  await remove(true);
  expect((await api.store.get(volumes, key))?.metadata.deleted).toBeInstanceOf(Date);
});

test('a list comes in pages, all of one revision', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
  const seen: string[] = [];
  let pageToken = '';
  let revision: bigint | undefined;
  do {
    const page = await api.client.formations.listFormations({ pageSize: 2, pageToken });
    seen.push(...page.formations.map(({ metadata }) => metadata?.name ?? ''));
    expect(page.revision).toBe((revision ??= page.revision));
    ({ nextPageToken: pageToken } = page);
    // What is made between two pages is not in the list.
    if (seen.length === 2) await create('bb');
  } while (pageToken !== '');
  expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('a page token is refused where it does not belong, and when its revision is gone', async () => {
  for (const name of ['a', 'b', 'c']) await create(name);
  const list = (request: object) => api.client.formations.listFormations(request);
  const { nextPageToken: pageToken } = await list({ pageSize: 1 });
  await expect(list({ pageToken: 'x' })).rejects.toThrow('page_token was not made by this API');
  await expect(list({ pageSize: -1 })).rejects.toThrow(InvalidError);
  await expect(api.client.executors.listExecutors({ pageToken })).rejects.toThrow('of another list');
  await create('d');
  api.memory.compact(api.memory.server.revision);
  await expect(list({ pageToken })).rejects.toThrow(CompactedError);
});

describe('tokens', () => {
  const stranger = () => api.connect({});
  const wrong = () => api.connect({ token: 'wrong' });
  const executor = () => api.connect({ token: 'executor-token' });
  const list = (client: ReturnType<typeof stranger>) => client.formations.listFormations({});
  const session = async (client: ReturnType<typeof stranger>) => {
    async function* nothing(): AsyncGenerator<never> {}
    for await (const _ of client.session.connect(nothing())) return;
  };

  test('without one nothing but health answers', async () => {
    await expect(list(stranger())).rejects.toThrow(UnauthenticatedError);
    await expect(session(stranger())).rejects.toThrow(UnauthenticatedError);
  });

  test('a wrong one is refused', async () => {
    await expect(list(wrong())).rejects.toThrow(UnauthenticatedError);
  });

  test("the executor's is for sessions only, the user's for everything else", async () => {
    await expect(list(executor())).rejects.toThrow(DeniedError);
    await expect(session(api.client)).rejects.toThrow(DeniedError);
    await expect(session(executor())).rejects.toThrow('the first message of a session has to be hello');
  });
});
