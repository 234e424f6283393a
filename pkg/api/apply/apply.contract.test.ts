import { SystemClock } from '../../base/clock';
import { silentLogger } from '../../base/log';
import { SystemRandom } from '../../base/random';
import { routes, scales } from '../../resource/objects';
import { EtcdStore } from '../../store/etcd/etcd-store';
import type { Store, Write } from '../../store/store';
import { ApiHarness } from '../../testing/api-harness';
import { apply, type Desired, factorsIn, finishRollout, shop } from '../../testing/apply-rig';
import { EtcdProcess } from '../../testing/etcd-process';

// What of apply depends on etcd: how much one transaction takes, and what becomes of two at once.
let etcd: EtcdProcess;
let api: ApiHarness;
let written: Write[];
beforeAll(async () => {
  etcd = await EtcdProcess.start();
}, 60_000);
afterAll(() => etcd.stop());
beforeEach(async () => {
  const random = new SystemRandom();
  const endpoints = [etcd.endpoint];
  const options = { stage: random.uuid(), clock: new SystemClock(), random, log: silentLogger };
  const store: Store = await EtcdStore.open({ endpoints, ...options });
  const commit = store.commit.bind(store);
  written = [];
  store.commit = (writes, guards, signal) => {
    written.push(...writes.filter(({ kind }) => kind.name !== 'Event'));
    return commit(writes, guards, signal);
  };
  api = await ApiHarness.start({ store });
}, 30_000);
afterEach(() => api.close(), 30_000);

const route = (name: string, pattern: string) => ({
  metadata: { name },
  spec: { pattern, target: 'web.shop.service' },
});

test('two hundred routes are made in one transaction', async () => {
  const many = Array.from({ length: 200 }, (_, index) => route(`r${index}`, `r${index}.localhost/`));
  const made = await apply(api, { ...shop, routes: many });
  const { items } = await api.store.list(routes, { formation: 'shop' });
  expect(items).toHaveLength(200);
  expect(new Set(items.map(({ metadata }) => metadata.revision))).toEqual(
    new Set([made.release?.metadata?.revision]),
  );
}, 30_000);

test('a rollback changes back hundreds of routes in one transaction, or says before it writes that they are too many', async () => {
  const many = (count: number, host: string) =>
    Array.from({ length: count }, (_, index) => route(`r${index}`, `${host}${index}.localhost/`));
  await apply(api, { ...shop, routes: many(200, 'old') });
  await apply(api, { release: { ...shop.release, config: { A: '2' } } });
  await finishRollout(api);
  await apply(api, { routes: many(200, 'new') });
  const parent = 'formations/shop';
  const { items: before } = await api.store.list(routes, { formation: 'shop' });
  await api.client.rollouts.rollback({ parent, release: '', validateOnly: true });
  expect((await api.store.list(routes, { formation: 'shop' })).items).toEqual(before);
  const done = await api.client.rollouts.rollback({ parent, release: '', validateOnly: false });
  const { items } = await api.store.list(routes, { formation: 'shop' });
  expect(items.map(({ spec }) => spec.pattern).sort()).toEqual(
    many(200, 'old')
      .map(({ spec }) => spec.pattern)
      .sort(),
  );
  expect(new Set(items.map(({ metadata }) => metadata.revision))).toEqual(
    new Set([done.rollout?.metadata?.revision]),
  );
  await finishRollout(api);
  for (const round of [0, 1, 2]) {
    const more = Array.from({ length: 170 }, (_, index) =>
      route(`m${round * 170 + index}`, `m${round * 170 + index}.localhost/`),
    );
    await apply(api, { routes: more });
  }
  const { items: then } = await api.store.list(routes, { formation: 'shop' });
  await expect(api.client.rollouts.rollback({ parent, release: 'v2', validateOnly: true })).rejects.toThrow(
    /^rollback to v2 is too much for one step: .*: gilliam migrate v2 leaves routes as they are$/,
  );
  await expect(api.client.rollouts.rollback({ parent, release: 'v2', validateOnly: false })).rejects.toThrow(
    /is too much for one step/,
  );
  expect((await api.store.list(routes, { formation: 'shop' })).items).toEqual(then);
}, 120_000);

test('fifty formations: unchanged nothing is written, and of one value in each only what has to be', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `app-${index}`);
  const wish = (level: string): Desired => ({
    release: {
      image: shop.release?.image,
      processes: Object.fromEntries(
        ['a', 'b', 'c', 'd'].map((name) => [name, { command: [name], env: { LEVEL: level } }]),
      ),
    },
  });
  const all = (level: string) => Promise.all(names.map((name) => apply(api, wish(level), { name })));
  await all('one');
  written.length = 0;
  expect((await all('one')).flatMap(({ changes }) => changes)).toEqual([]);
  expect(written).toEqual([]);
  await all('two');
  const kinds = written.map(({ kind }) => kind.name).sort();
  expect(kinds).toEqual(
    ['Formation', 'Release', 'Rollout', 'Scale'].flatMap((kind) => names.map(() => kind)),
  );
}, 60_000);

test('invariant 5: applies at one moment all come to their end, each on what the others have done', async () => {
  await apply(api, { ...shop, factors: { web: 0, worker: 0 } });
  await Promise.all(
    Array.from({ length: 4 }, (_, index) =>
      apply(api, {
        release: { processes: shop.release?.processes, config: { [`K${index}`]: '1' } },
        factors: { web: index + 1 },
        routes: [route(`r${index}`, `r${index}.localhost/`)],
      }).catch((error: Error) => expect(error.message).toContain('is under way')),
    ),
  );
  const { items } = await api.store.list(scales, { formation: 'shop' });
  // One was first, and runs; whoever came second moves it, and the others are told of that.
  expect(Object.keys(await factorsIn(api))).toHaveLength(1);
  expect(items.filter(({ spec }) => Object.keys(spec.factors).length > 0)).toHaveLength(1);
}, 30_000);
