import { silentLogger } from '../../base/log';
import type { TrafficLine, TrafficTable } from '../../registry/traffic';
import { FakeNetwork } from '../../testing/fake-network';
import { VirtualClock } from '../../testing/virtual-clock';
import type { ContainerMeter } from './container-meter';
import { UsageReporter, type Measured } from './usage-reporter';

const line: TrafficLine = {
  ...{ formation: 'shop', service: 'web', release: 'v1', epoch: 'a' },
  ...{ requests: 7, errors: 1, waiting: 0, durations: [7] },
};
const web: Measured = {
  identity: { formation: 'shop', process: 'web', release: 'v1', name: 'web-1-1' },
  containerId: 'c1',
};
const usage = { cpuUs: 5n, memoryBytes: 6n, memoryLimitBytes: 0n };

let ends: AbortController[];
beforeEach(() => (ends = []));
afterEach(() => ends.forEach((end) => end.abort()));

function harness(instances: readonly Measured[], read: ContainerMeter['read'] = async () => usage) {
  const clock = new VirtualClock();
  const network = new FakeNetwork(clock);
  const reports: number[] = [];
  const reporter = new UsageReporter({
    ...{ clock, network, log: silentLogger, meter: { read } },
    instances: () => instances,
    onReady: () => reports.push(clock.monotonic()),
  });
  const end = new AbortController();
  ends.push(end);
  const start = clock.monotonic();
  const run = async (ms: number) => {
    await clock.advance(ms);
    return reports.splice(0).map((at) => at - start);
  };
  void reporter.run(end.signal);
  return { clock, network, reporter, run };
}

it('tells every five seconds what instances use and what was sent', async () => {
  const { network, reporter, run } = harness([web]);
  network.sent = { router: [line], proxy: [], virtualIp: [] };
  expect(await run(12_000)).toEqual([0, 5_000, 10_000]);
  const expected = { formation: 'shop', service: 'web', release: 'v1' };
  expect(reporter.take()).toMatchObject({
    instances: [{ ...expected, instance: 'web-1-1', ...usage }],
    traffic: [{ ...expected, source: 'SOURCE_ROUTER', requests: 7n, errors: 1n, durationCounts: [7n] }],
  });
  expect(reporter.take()).toBeUndefined();
});

it('tells of connections through virtual IPs, if the network daemon does', async () => {
  const { network, reporter, run } = harness([]);
  network.sent = { router: [], proxy: [], virtualIp: [{ ...line, requests: 0, connections: 3, open: 2 }] };
  await run(1_000);
  expect(reporter.take()?.traffic).toMatchObject([
    { source: 'SOURCE_VIRTUAL_IP', requests: 0n, connections: 3n, openConnections: 2n },
  ]);
  // One of a version that knows nothing of them, and is not restarted yet.
  network.sent = { router: [line], proxy: [] } as Partial<TrafficTable> as TrafficTable;
  await run(5_000);
  expect(reporter.take()?.traffic).toMatchObject([{ source: 'SOURCE_ROUTER', openConnections: 0n }]);
});

it('tells at once when a request is held, then every second, and for a while after', async () => {
  const { network, run } = harness([web]);
  await run(6_200);
  network.sent = { router: [{ ...line, waiting: 1 }], proxy: [], virtualIp: [] };
  expect((await run(2_800)).length).toBe(3);
  network.sent = { router: [line], proxy: [], virtualIp: [] };
  expect((await run(10_000)).length).toBe(10);
  await run(10_000);
  expect((await run(10_000)).length).toBe(2);
});

it('says nothing where there is nothing, but once that there is nothing more', async () => {
  const instances = [web];
  const { run } = harness(instances);
  expect(await run(1_000)).toHaveLength(1);
  instances.pop();
  expect(await run(30_000)).toHaveLength(1);
});

it('tells what containers use though the network daemon is away', async () => {
  const { network, reporter, run } = harness([web]);
  network.set('hanging');
  await run(10_000);
  expect(reporter.take()).toMatchObject({ instances: [{ instance: 'web-1-1' }], traffic: [] });
});

it('leaves out what cannot be measured', async () => {
  const read: ContainerMeter['read'] = async (id) => {
    if (id === 'gone') throw new Error('no such container');
    return id === 'stopped' ? undefined : usage;
  };
  const others = ['gone', 'stopped'].map((containerId) => ({ ...web, containerId }));
  const { reporter, run } = harness([...others, web], read);
  await run(1_000);
  expect(reporter.take()?.instances).toHaveLength(1);
});

it('warns nobody of listeners, however many instances run', async () => {
  const many = Array.from({ length: 40 }, (_, index) => ({ ...web, containerId: `c${index}` }));
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => warnings.push(name);
  process.on('warning', onWarning);
  const { reporter, run } = harness(many);
  await run(6_000);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  expect(reporter.take()?.instances).toHaveLength(40);
  expect(warnings).toEqual([]);
});
