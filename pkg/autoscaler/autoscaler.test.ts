import { silentLogger } from '../base/log';
import { RolloutPhase } from '../gen/gilliam/v1/rollout';
import { InstanceUsage, TrafficUsage, TrafficUsage_Source } from '../gen/gilliam/v1/usage';
import { formations, rollouts } from '../resource/objects';
import { ApiHarness, eventually } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';
import { VirtualClock } from '../testing/virtual-clock';
import { Autoscaler } from './autoscaler';

let api: ApiHarness;
let executor: SessionClient;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
  executor = new SessionClient(api.connect({ token: 'executor-token' }), 'e1');
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
});
afterEach(async () => {
  await executor.abort();
  await api.close();
});

const { signal } = new AbortController();

function autoscaler() {
  const clock = new VirtualClock();
  const scaler = new Autoscaler({
    ...{ client: api.client, clock, log: silentLogger },
    pace: { minMeasuredMs: 0, downWindowMs: 60_000 },
  });
  return { clock, look: (full = true) => scaler.look(full, signal) };
}

async function rule(min: number, max: number, target = {}): Promise<void> {
  const formation = (await api.store.get(formations, { formation: '', name: 'shop' }))!;
  const scaling = {
    web: { min, max, target: { cpuPercent: 0, memoryPercent: 0, requestsPerSecond: 0, p95Ms: 0, ...target } },
  };
  const object = { ...formation, spec: { ...formation.spec, scaling } };
  await api.store.commit([{ op: 'update', kind: formations, object }]);
}

const scale = (web: number) =>
  api.client.scales.updateScale({
    scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { web, worker: 1 } } },
  });
const factors = async () =>
  (await api.client.scales.getScale({ name: 'formations/shop/scales/v1' })).scale?.spec?.factors;

/** As an executor with one instance would say; answered as metrics once this resolves. */
async function say(requests: number, waiting = 0, instances = 1, open = 0): Promise<void> {
  const of = { formation: 'shop', service: 'web', release: 'v1' };
  const line = { ...of, source: TrafficUsage_Source.ROUTER, epoch: 'a', requests: BigInt(requests) };
  executor.send({
    $case: 'usage',
    value: {
      instances: Array.from({ length: instances }, (_, index) =>
        InstanceUsage.fromPartial({ ...of, instance: `web-${index}-1` }),
      ),
      traffic: [
        TrafficUsage.fromPartial(line),
        TrafficUsage.fromPartial({ ...of, epoch: 'h', release: '', waiting: BigInt(waiting) }),
        TrafficUsage.fromPartial({
          ...{ ...of, source: TrafficUsage_Source.VIRTUAL_IP, epoch: 'v', openConnections: BigInt(open) },
        }),
      ],
    },
  });
  const expected = {
    ...{ requests: BigInt(requests), waiting: BigInt(waiting), openConnections: BigInt(open), instances },
  };
  await eventually(async () => {
    const { services } = await api.client.metrics.listServiceMetrics({ parent: 'formations/-' });
    const sum = (of: 'requests' | 'waiting' | 'openConnections') =>
      services.reduce((all, one) => all + one[of], 0n);
    const counted = services.reduce((all, one) => all + one.instances, 0);
    const found = { requests: sum('requests'), waiting: sum('waiting'), instances: counted };
    expect({ ...found, openConnections: sum('openConnections') }).toEqual(expected);
  });
}

test('raises the factor under load, and leaves the others as they are', async () => {
  await scale(1);
  await rule(1, 3, { requestsPerSecond: 1 });
  const { look } = autoscaler();
  await say(0);
  await look();
  expect(await factors()).toEqual({ web: 1, worker: 1 });
  await say(1_000);
  await look();
  expect(await factors()).toEqual({ web: 3, worker: 1 });
});

test('to none after the window, and back with a request that is held, without a full look', async () => {
  await scale(1);
  await rule(0, 3, { requestsPerSecond: 1 });
  const { clock, look } = autoscaler();
  await say(0);
  await look();
  await clock.advance(59_000);
  await look();
  expect(await factors()).toEqual({ web: 1, worker: 1 });
  await clock.advance(2_000);
  await look();
  expect(await factors()).toEqual({ worker: 1 });
  await say(0, 2, 0);
  await look(false);
  expect(await factors()).toEqual({ web: 1, worker: 1 });
});

test('not to none while a connection is open that nobody asks anything over', async () => {
  await scale(1);
  await rule(0, 3, { requestsPerSecond: 1 });
  const { clock, look } = autoscaler();
  await say(0, 0, 1, 1);
  for (let round = 0; round < 3; round++) {
    await look();
    await clock.advance(61_000);
  }
  expect(await factors()).toEqual({ web: 1, worker: 1 });
  await say(0);
  await look();
  await clock.advance(61_000);
  await look();
  expect(await factors()).toEqual({ worker: 1 });
});

test('leaves a formation alone while a rollout is under way', async () => {
  await scale(1);
  await rule(2, 3);
  const object = rollouts.decode(new Uint8Array());
  Object.assign(object.metadata, { formation: 'shop', name: 'current', uid: 'u' });
  Object.assign(object.status, { phase: RolloutPhase.PAUSED });
  await api.store.commit([{ op: 'create', kind: rollouts, object }]);
  await autoscaler().look();
  expect(await factors()).toEqual({ web: 1, worker: 1 });
});

test('bad input: a rule with min above max is left alone, though it came past the API', async () => {
  await scale(1);
  await rule(5, 3);
  await autoscaler().look();
  expect(await factors()).toEqual({ web: 1, worker: 1 });
});

test('a rule of a process that the release does not have is of no consequence', async () => {
  await scale(1);
  const formation = (await api.store.get(formations, { formation: '', name: 'shop' }))!;
  const spec = { ...formation.spec, scaling: { constructor: { min: 1, max: 3 } } };
  const object = { ...formation, spec };
  await api.store.commit([{ op: 'update', kind: formations, object }]);
  await autoscaler().look();
  expect(await factors()).toEqual({ web: 1, worker: 1 });
});
