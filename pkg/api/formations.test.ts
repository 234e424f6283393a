import {
  CompactedError,
  DeniedError,
  ExistsError,
  InvalidError,
  NotFoundError,
  UnauthenticatedError,
} from '../base/errors';
import { formations } from '../resource/objects';
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
