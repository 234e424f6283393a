import { InstanceUsage, TrafficUsage, TrafficUsage_Source } from '../../../pkg/gen/gilliam/v1/usage';
import { eventually } from '../../../pkg/testing/api-harness';
import { SessionClient } from '../../../pkg/testing/session-client';
import { CliHarness } from '../testing/cli-harness';

let cli: CliHarness;
let executor: SessionClient;
beforeEach(async () => {
  cli = await CliHarness.start();
  await cli.api.shop();
  executor = new SessionClient(cli.api.connect({ token: 'executor-token' }), 'node-1');
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
});
afterEach(async () => {
  await executor.abort();
  await cli.close();
});

function say(requests: number): void {
  const of = { formation: 'shop', service: 'web', release: 'v1' };
  const line = { ...of, source: TrafficUsage_Source.ROUTER, epoch: 'a', requests: BigInt(requests) };
  const memoryBytes = 84n * 1024n ** 2n;
  executor.send({
    $case: 'usage',
    value: {
      instances: [InstanceUsage.fromPartial({ ...of, instance: 'web-1-1', memoryBytes })],
      traffic: [TrafficUsage.fromPartial({ ...line, durationCounts: [BigInt(requests)] })],
    },
  });
}

test('metrics: columns apart by tabs, or a table, or one JSON value', async () => {
  say(0);
  await eventually(async () => expect((await cli.gilliam('metrics')).stdout).toMatch(/^web\.shop\tv1\t1\t/));
  say(100);
  await eventually(async () => expect((await cli.gilliam('metrics')).stdout).toContain('\t1 ms\t0\n'));
  const { stdout } = await cli.gilliam('metrics', { terminal: true });
  expect(stdout).toMatch(/^SERVICE {3}RELEASE {2}INSTANCES/);
  expect(stdout).toContain('84 MiB');
  expect(JSON.parse((await cli.gilliam('metrics --formation shop --json')).stdout)).toMatchObject([
    { service: 'web', release: 'v1', requests: '100' },
  ]);
});

test.each([
  ['metrics --window 6m', 1],
  ['metrics --window soon', 2],
  ['metrics --formation nowhere', 1],
])('bad input: %s', async (line, code) => {
  expect(await cli.gilliam(line)).toMatchObject({ code, stdout: '' });
});
