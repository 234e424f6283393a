import { randomUUID } from 'node:crypto';
import { ConflictError, InvalidError, NotFoundError } from '../base/errors';
import { ReleaseSpec } from '../gen/gilliam/v1/release';
import type { CreateReleaseResponse } from '../gen/gilliam/v1/release_service';
import { releases, type Release } from '../resource/objects';
import { ApiHarness, eventually, testImage, testProcesses } from '../testing/api-harness';
import { nextSpec } from './releases';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.client.formations.createFormation({ formation: { metadata: { name: 'shop' } } });
});
afterEach(() => api.close());

type Request = Parameters<typeof api.client.releases.createRelease>[0];
const create = (request: Omit<Request, 'parent'>) =>
  api.client.releases.createRelease({ parent: 'formations/shop', ...request });
const deploy = (image = testImage) =>
  create({ spec: { image, processes: testProcesses }, updateMask: ['image', 'processes'] });
const config = (entries: Record<string, string>, unset: string[] = []) =>
  create({
    spec: { config: entries },
    updateMask: [...Object.keys(entries), ...unset].map((name) => `config.${name}`),
  });
const nameOf = ({ release }: CreateReleaseResponse) => release?.metadata?.name;
const specOf = ({ release }: CreateReleaseResponse) => release?.spec;

test('config before the first deploy makes a release without an image', async () => {
  const made = await config({ POOL_SIZE: '32' });
  expect(made.created).toBe(true);
  expect(nameOf(made)).toBe('v1');
  expect(specOf(made)).toMatchObject({ image: '', config: { POOL_SIZE: '32' }, processes: {} });
});

test('a release carries on image, processes and config of the newest one', async () => {
  await config({ A: '1', B: 'two lines\nand = signs' });
  const second = await deploy();
  expect(nameOf(second)).toBe('v2');
  expect(specOf(second)).toMatchObject({ image: testImage, config: { A: '1', B: 'two lines\nand = signs' } });

  const third = await config({ C: '3' }, ['A']);
  expect(specOf(third)).toMatchObject({
    image: testImage,
    config: { B: 'two lines\nand = signs', C: '3' },
    processes: { web: { command: ['serve'] } },
  });
});

test('message, author and commit are never carried on', async () => {
  await create({
    spec: { image: testImage, processes: testProcesses, message: 'first', author: 'ada', commit: 'abcdef0' },
  });
  const next = await config({ A: '1' });
  expect(specOf(next)).toMatchObject({ message: '', author: '', commit: '' });
});

test('without a mask the spec is taken whole', async () => {
  await config({ A: '1' });
  const whole = await create({ spec: { image: testImage, processes: testProcesses } });
  expect(specOf(whole)?.config).toEqual({});
});

test('a change that changes nothing makes no release', async () => {
  await deploy();
  await config({ A: '1' });
  for (const same of [await config({ A: '1' }), await deploy(), await config({}, ['NOT_THERE'])]) {
    expect(same.created).toBe(false);
    expect(nameOf(same)).toBe('v2');
  }
});

test('validate_only answers with what would be', async () => {
  await deploy();
  const would = await create({ spec: { config: { A: '1' } }, updateMask: ['config.A'], validateOnly: true });
  expect(would.created).toBe(true);
  expect(nameOf(would)).toBe('v2');
  expect(await api.store.get(releases, { formation: 'shop', name: 'v2' })).toBeUndefined();
});

test('a repeated request answers with the release that the first one made', async () => {
  const requestId = randomUUID();
  const request = { spec: { config: { A: '1' } }, updateMask: ['config.A'], requestId };
  const first = await create(request);
  await config({ A: '2' });
  const again = await create(request);
  expect(again).toEqual(first);
  expect(nameOf(await create({ ...request, requestId: randomUUID() }))).toBe('v3');
});

test('requests repeated at the same moment make one release', async () => {
  const request = { spec: { config: { A: '1' } }, updateMask: ['config.A'], requestId: randomUUID() };
  const made = await Promise.all(Array.from({ length: 6 }, () => create(request)));
  expect(new Set(made.map(nameOf))).toEqual(new Set(['v1']));
});

test.each<[string, Omit<Request, 'parent'>, string, string]>([
  ['an image without digest', { spec: { image: 'nginx:latest' } }, 'spec.image', 'not named by digest'],
  ['a bad variable name', { spec: { config: { 'A-B': '1' } } }, 'spec.config', 'A-B'],
  ['an unknown mask', { spec: {}, updateMask: ['imag'] }, 'update_mask', 'update_mask names "imag"'],
  ['a mask of no entry', { spec: {}, updateMask: ['config.'] }, 'update_mask', 'update_mask names'],
  ['a request id that is none', { spec: {}, requestId: 'x' }, 'request_id', 'not a UUID'],
  [
    'a bad requirement',
    { spec: { image: testImage, processes: { web: { requirements: ['tags.x =='] } } } },
    'spec.processes.web',
    'requirement',
  ],
])('%s is refused with its field', async (_name, request, field, message) => {
  const error = (await create(request).catch((thrown: unknown) => thrown)) as InvalidError;
  expect(error).toBeInstanceOf(InvalidError);
  expect(error.violations[0]?.field).toContain(field);
  expect(error.message).toContain(message);
});

test('1 MiB of config is refused with the limit', async () => {
  const entries = Object.fromEntries(
    Array.from({ length: 16 }, (_, index) => [`A${index}`, 'x'.repeat(2 ** 16)]),
  );
  await expect(create({ spec: { config: entries } })).rejects.toThrow(/256 KiB/);
});

test('what the newest release said before it was refused goes on, and nothing new of the kind comes in', async () => {
  await deploy();
  const key = { formation: 'shop', name: 'v1' };
  const v1 = await api.store.get(releases, key);
  if (!v1) throw new Error('no release');
  const web = { ...v1.spec.processes.web, volumes: [{ name: 'a-2-b', path: '/data' }] };
  const spec = ReleaseSpec.fromPartial({ ...v1.spec, config: { A: 'caf\ufffd' }, processes: { web } });
  const stored: Release = { ...v1, spec };
  await api.store.commit([{ op: 'update', kind: releases, object: stored }]);
  await eventually(async () => expect((await config({ B: '1' })).release?.spec?.config.A).toBe('caf\ufffd'));
  await expect(config({ A: 'th\ufffd' })).rejects.toThrow('config A is not UTF-8 text');
  const worker = { volumes: [{ name: 'a-2-b', path: '/data' }] };
  await expect(create({ spec: { processes: { web, worker } }, updateMask: ['processes'] })).rejects.toThrow(
    'process worker: volume name "a-2-b" is not allowed',
  );
});

test('a release is found by its name, and the newest by -', async () => {
  const get = (name: string) => api.client.releases.getRelease({ name: `formations/shop/releases/${name}` });
  await expect(get('-')).rejects.toThrow('"shop" has no release yet: gilliam deploy');
  await deploy();
  await config({ A: '1' });
  expect((await get('-')).release?.metadata?.name).toBe('v2');
  expect((await get('v1')).release?.metadata?.name).toBe('v1');
  await expect(get('v9')).rejects.toThrow(NotFoundError);
  await expect(get('v9')).rejects.toThrow('"shop" has no release v9');
  await expect(get('newest')).rejects.toThrow(InvalidError);
});

test('releases are listed oldest first, by number, in pages', async () => {
  for (let index = 1; index <= 12; index++) await config({ A: String(index) });
  const names: (string | undefined)[] = [];
  let pageToken = '';
  do {
    const page = await api.client.releases.listReleases({
      parent: 'formations/shop',
      pageSize: 5,
      pageToken,
    });
    names.push(...page.releases.map(({ metadata }) => metadata?.name));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(names).toEqual(Array.from({ length: 12 }, (_, index) => `v${index + 1}`));
});

test('invariant 4: a release never changes; its number is never used twice, also under concurrency', async () => {
  await deploy();
  const made = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      // One that loses too often is refused: then nothing was made.
      config({ [`K${index}`]: String(index) }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(ConflictError);
        return undefined;
      }),
    ),
  );
  const done = made.filter((each) => each !== undefined);
  const names = done.map((each) => nameOf(each) ?? '');
  expect(new Set(names).size).toBe(done.length);
  const { items } = await api.store.list(releases, { formation: 'shop' });
  expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(['v1', ...names].sort());
  // Each is as it was answered, and nothing of another was lost on the way: the newest has all.
  for (const { release } of done) {
    expect(items.find(({ metadata }) => metadata.name === release?.metadata?.name)).toEqual(release);
  }
  const newest = items.find(({ metadata }) => metadata.name === `v${done.length + 1}`);
  expect(Object.keys(newest?.spec.config ?? {})).toHaveLength(done.length);
  // The number of a release that is forgotten is not taken again.
  const last = items.find(({ metadata }) => metadata.name === `v${done.length + 1}`);
  if (!last) throw new Error('no newest release');
  const { name, revision } = last.metadata;
  await api.store.commit([{ op: 'delete', kind: releases, key: { formation: 'shop', name }, revision }]);
  expect(nameOf(await config({ NEW: '1' }))).toBe(`v${done.length + 2}`);
});

test('who released what is told as an event', async () => {
  const client = api.connect({ token: 'user-token', user: 'Zoë' });
  await client.releases.createRelease({
    parent: 'formations/shop',
    spec: { config: { A: '1' }, message: 'try' },
    updateMask: ['config.A'],
  });
  const { events } = await client.events.listEvents({ parent: 'formations/shop', about: 'v1' });
  expect(events).toMatchObject([
    { kind: 'Release', name: 'v1', reason: 'Created', message: 'v1 was released by Zoë: try', count: 1 },
  ]);
});

test('nextSpec keeps what it is given as it is', () => {
  const base = ReleaseSpec.fromPartial({ image: 'a', config: { A: '1' } });
  const mask = { has: () => false, entries: () => ['__proto__'] };
  const asked = { ...base, config: Object.fromEntries([['__proto__', 'x']]) };
  expect(Object.keys(nextSpec(base, asked, mask).config)).toEqual(['A', '__proto__']);
  expect(base.config).toEqual({ A: '1' });
});
