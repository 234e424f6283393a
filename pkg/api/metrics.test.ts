import { InvalidError, NotFoundError } from '../base/errors';
import { InstanceUsage, TrafficUsage, TrafficUsage_Source } from '../gen/gilliam/v1/usage';
import { sessions, usages } from '../resource/objects';
import { ApiHarness, eventually } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';

let api: ApiHarness;
const connected: SessionClient[] = [];
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(async () => {
  await Promise.all(connected.splice(0).map((executor) => executor.abort()));
  await api.close();
});

async function join(name: string): Promise<SessionClient> {
  const executor = new SessionClient(api.connect({ token: 'executor-token' }), name);
  connected.push(executor);
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
  return executor;
}

const of = { formation: 'shop', service: 'web', release: 'v1' };
const traffic = (requests: number, over: Partial<TrafficUsage> = {}) =>
  TrafficUsage.fromPartial({
    ...{ ...of, source: TrafficUsage_Source.ROUTER, epoch: 'a', requests: BigInt(requests) },
    ...over,
  });
const instance = (cpuUs: number, name = 'web-1-1') =>
  InstanceUsage.fromPartial({ ...of, instance: name, cpuUs: BigInt(cpuUs), memoryBytes: 1_000n });
const say = (executor: SessionClient, requests: number, cpuUs = 0) =>
  executor.send({
    $case: 'usage',
    value: { traffic: [traffic(requests)], instances: [instance(cpuUs)] },
  });
const usageOf = (name: string) => api.store.get(usages, { formation: '', name });
const metrics = async (parent = 'formations/shop', windowMs = 0) =>
  (await api.client.metrics.listServiceMetrics({ parent, windowMs })).services;

test('what executors report is answered as metrics, of one formation or of all', async () => {
  const [one, two] = [await join('e1'), await join('e2')];
  say(one, 100);
  say(two, 500);
  await eventually(async () => expect((await metrics())[0]).toMatchObject({ ...of, instances: 2 }));
  say(one, 130, 50_000);
  say(two, 501);
  await eventually(async () => expect((await metrics())[0]?.requests).toBe(31n));
  const [web] = await metrics('formations/-', 60_000);
  expect(web).toMatchObject({ memoryBytes: 2_000n, errors: 0n });
  expect(web?.cpuMillis).toBeGreaterThan(0);
  await api.client.formations.createFormation({ formation: { metadata: { name: 'blog' } } });
  expect(await metrics('formations/blog')).toEqual([]);
});

test('usage goes with its session, and a newer session takes it over', async () => {
  const executor = await join('e1');
  say(executor, 1);
  await eventually(async () => expect(await usageOf('e1')).toBeDefined());
  const again = await join('e1');
  say(again, 2);
  await eventually(async () => expect((await usageOf('e1'))?.traffic[0]?.requests).toBe(2n));
  await again.finish();
  await eventually(async () => expect(await usageOf('e1')).toBeUndefined());
  await eventually(async () => expect(await metrics()).toEqual([]));
});

test('a session that was made anew is no reason to lose usage', async () => {
  const executor = await join('e1');
  say(executor, 1);
  await eventually(async () => expect(await usageOf('e1')).toBeDefined());
  const key = { formation: '', name: 'e1' };
  const { revision } = (await api.store.get(sessions, key))!.metadata;
  const used = (await usageOf('e1'))!.metadata.revision;
  await api.store.commit([
    { op: 'delete', kind: sessions, key, revision },
    { op: 'delete', kind: usages, key, revision: used },
  ]);
  say(executor, 7);
  await eventually(async () => expect((await usageOf('e1'))?.traffic[0]?.requests).toBe(7n));
});

test('an executor that reports without a pause is written about once a second', async () => {
  const executor = await join('e1');
  const revision = async () => (await api.store.list(sessions)).revision;
  const before = await revision();
  for (let requests = 1; requests <= 500; requests++) say(executor, requests);
  await eventually(async () => expect((await usageOf('e1'))?.traffic[0]?.requests).toBe(500n));
  expect(Number((await revision()) - before)).toBeLessThan(10);
});

test.each([
  ['a name that is none', 'shop', 0, InvalidError],
  ['a formation that does not exist', 'formations/nowhere', 0, NotFoundError],
  ['a longer window than is remembered', 'formations/shop', 300_001, InvalidError],
])('bad input: %s', async (_what, parent, windowMs, error) => {
  await expect(metrics(parent, windowMs)).rejects.toThrow(error);
});

test('what an executor says that cannot be is left out, and its session goes on', async () => {
  const executor = await join('e1');
  const tooMany = Array.from({ length: 15 }, () => 1n);
  executor.send({
    $case: 'usage',
    value: {
      instances: [{ ...instance(0), service: 'x'.repeat(65) }, instance(0)],
      traffic: [
        traffic(1, { durationCounts: tooMany }),
        ...Array.from({ length: 2_500 }, (_, n) => traffic(n, { release: `v${n}` })),
      ],
    },
  });
  await eventually(async () => expect((await usageOf('e1'))?.traffic).toHaveLength(2_000));
  expect((await usageOf('e1'))?.instances).toHaveLength(1);
  expect(executor.error).toBeUndefined();
});
