import { SystemClock } from '../base/clock';
import { ExistsError } from '../base/errors';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { InstanceState } from '../gen/gilliam/v1/instance';
import { EtcdStore } from '../store/etcd/etcd-store';
import { ApiHarness, eventually } from '../testing/api-harness';
import { EtcdProcess } from '../testing/etcd-process';
import { SessionClient } from '../testing/session-client';

// What of the API depends on how the store behaves in time: leases, watches that resume, writes while it is away.
let etcd: EtcdProcess;
let api: ApiHarness;
beforeAll(async () => {
  etcd = await EtcdProcess.start();
}, 60_000);
afterAll(() => etcd.stop());
beforeEach(async () => {
  const random = new SystemRandom();
  const store = await EtcdStore.open({
    endpoints: [etcd.endpoint],
    stage: random.uuid(),
    clock: new SystemClock(),
    random,
    log: silentLogger,
  });
  api = await ApiHarness.start({ store, options: { leaseTtlMs: 2_000 } });
}, 30_000);
afterEach(() => api.close(), 30_000);

async function joined(name = 'e1'): Promise<SessionClient> {
  const executor = new SessionClient(api.connect({ token: 'executor-token' }), name);
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'), 10_000);
  return executor;
}

test('the main job over etcd: create, release, scale, place, report', async () => {
  await api.shop();
  await api.client.scales.updateScale({
    scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { web: 2 } } },
  });
  const executor = await joined();
  const instance = await api.placeInstance();
  await eventually(() => expect(executor.tasks.has(instance.metadata.uid)).toBe(true));
  const [task] = executor.tasks.values();
  if (!task) throw new Error('no task');
  const sequence = executor.report([executor.status(task, InstanceState.RUNNING, { ready: true })]);
  await eventually(() => expect(executor.acknowledged).toBe(sequence));
  const { instances } = await api.client.instances.listInstances({ parent: 'formations/shop' });
  expect(instances).toMatchObject([{ status: { state: InstanceState.RUNNING, ready: true } }]);
  await executor.abort();
}, 30_000);

test('invariant 4: releases made at the same moment have numbers of their own, over etcd too', async () => {
  await api.shop();
  const made = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) =>
      api.client.releases.createRelease({
        parent: 'formations/shop',
        spec: { config: { [`K${index}`]: '1' } },
        updateMask: [`config.K${index}`],
      }),
    ),
  );
  const names = made.flatMap((each) =>
    each.status === 'fulfilled' ? [each.value.release?.metadata?.name ?? ''] : [],
  );
  expect(new Set(names).size).toBe(names.length);
  const { releases } = await api.client.releases.listReleases({ parent: 'formations/shop' });
  expect(releases.map(({ metadata }) => metadata?.name)).toEqual(
    Array.from({ length: names.length + 1 }, (_, index) => `v${index + 1}`),
  );
}, 30_000);

test('etcd is killed and comes back: the session stands, what was reported meanwhile is written, watches go on', async () => {
  await api.shop();
  const instance = await api.placeInstance();
  const executor = await joined();
  await eventually(() => expect(executor.tasks.has(instance.metadata.uid)).toBe(true));
  const [task] = executor.tasks.values();
  if (!task) throw new Error('no task');
  const end = new AbortController();
  const seen: (string | undefined)[] = [];
  let begun = false;
  const watching = (async () => {
    const request = { parent: 'formations/shop', kinds: ['Instance'] };
    for await (const { changes } of api.client.watch.watch(request, { signal: end.signal })) {
      begun = true;
      seen.push(...changes.map(({ object }) => object?.value.metadata?.name));
    }
  })().catch(() => undefined);

  await eventually(() => expect(begun).toBe(true));
  await etcd.kill();
  const sequence = executor.report([executor.status(task, InstanceState.RUNNING)]);
  await etcd.restart();
  await eventually(() => expect(executor.acknowledged).toBe(sequence), 20_000);
  expect((await api.instance('web-1-1')).status.state).toBe(InstanceState.RUNNING);
  await eventually(async () => expect(await api.sessionOf('e1')).toMatchObject({ number: 1n }), 20_000);
  await eventually(() => expect(seen).toContain('web-1-1'), 20_000);
  const next = await api.placeInstance({ ordinal: 2 });
  await eventually(() => expect(executor.tasks.has(next.metadata.uid)).toBe(true), 20_000);
  expect(executor.error).toBeUndefined();
  end.abort();
  await watching;
  await executor.abort();
}, 90_000);

test('invariant 5: of routes that match the same, made at one moment, exactly one is taken', async () => {
  await api.shop();
  const spec = { target: 'web.shop.service', methods: [], headers: [], query: [] };
  for (let round = 0; round < 3; round++) {
    const made = await Promise.allSettled(
      ['a', 'b', 'c', 'd', 'e'].map((name) =>
        api.client.routes.createRoute({
          parent: 'formations/shop',
          route: {
            metadata: { name: `${name}${round}` },
            spec: { ...spec, pattern: `/r${round}/{${name}}` },
          },
        }),
      ),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const errors = made.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    for (const error of errors) expect(error).toBeInstanceOf(ExistsError);
  }
}, 30_000);
