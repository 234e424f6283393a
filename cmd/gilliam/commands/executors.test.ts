import { ExecutorState } from '../../../pkg/gen/gilliam/v1/executor';
import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { eventually } from '../../../pkg/testing/api-harness';
import { SessionClient } from '../../../pkg/testing/session-client';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
let executor: SessionClient;
beforeEach(async () => {
  cli = await CliHarness.start();
  executor = new SessionClient(cli.api.connect({ token: 'executor-token' }), 'node-1');
  await eventually(async () => expect((await gilliam('executors')).stdout).toMatch(/^node-1\t/));
});
afterEach(async () => {
  await executor.abort();
  await cli.close();
});

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);
const stateOf = async () => (await gilliam('executors')).stdout.split('\t')[2];

test('executors: columns apart by tabs, or a table', async () => {
  const [line] = (await gilliam('executors')).stdout.split('\n');
  const [name, host, , instances, processors, memory, domain, tags, version] = line?.split('\t') ?? [];
  expect([name, host, instances, processors, memory]).toEqual(['node-1', '127.0.0.1', '0', '4 CPU', '8 GiB']);
  expect([domain, tags, version]).toEqual(['a', 'disk=ssd', '1.2.3']);
  const [heading, row] = (await gilliam('executors', { terminal: true })).stdout.split('\n');
  expect(heading).toMatch(/^NAME {4}HOST {7}STATE/);
  expect(row).toMatch(/^node-1 {2}127\.0\.0\.1 {2}/);
});

test('cordon, drain and uncordon', async () => {
  expect((await gilliam('executor cordon node-1 --plan')).stdout).toBe('would cordon node-1\n');
  expect(await stateOf()).not.toContain('cordoned');
  expect((await gilliam('executor cordon node-1')).stdout).toBe('node-1 cordoned\n');
  expect(await stateOf()).toContain(',cordoned');
  expect((await gilliam('executor drain node-1')).stdout).toBe('node-1 is draining\n');
  expect(await stateOf()).toContain(',draining');
  expect((await gilliam('executor uncordon node-1')).stdout).toBe('node-1 uncordoned\n');
  expect(await stateOf()).not.toMatch(/cordoned|draining/);
});

test('forget: only what has gone', async () => {
  expect(await gilliam('executor forget node-1')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: executor "node-1" is connected, /) as string,
  });
  await executor.abort();
  await eventually(async () => expect((await gilliam('executor forget node-1 --plan')).code).toBe(0));
  expect((await gilliam('executor forget node-1')).stdout).toBe('node-1 forgotten\n');
  expect((await gilliam('executors')).stdout).toBe('');
});

test('an unknown executor is named', async () => {
  const outcome = await gilliam('executor cordon node-2');
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toMatch(/^error: .*"node-2".*\n$/);
});

test('drain --wait comes back when nothing runs there', async () => {
  await cli.deployed();
  await cli.api.placeInstance({ executor: 'node-1', state: InstanceState.RUNNING });
  const late = await gilliam('executor drain node-1 --wait --timeout 200ms');
  expect(late).toMatchObject({
    code: 1,
    stderr: 'error: node-1 is draining, but after 0.2s it still runs shop/web.1: gilliam ps -A\n',
  });
  const waiting = gilliam('executor drain node-1 --wait');
  await cli.api.changeInstance('web-1-1', (instance) => ({
    ...instance,
    status: { ...instance.status, state: InstanceState.STOPPED },
  }));
  expect(await waiting).toEqual({ code: 0, stdout: 'node-1 drained\n', stderr: '' });
});

test('why: what the executor says', async () => {
  await cli.deployed();
  await gilliam('executor cordon node-1');
  await cli.api.placeInstance({ executor: '' });
  const { stdout, code } = await gilliam('why web.1');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^web\.1 v1 state pending \(/);
  expect(stdout).toMatch(/\nexecutor node-1: no\n/);
  expect(stdout).toMatch(/\n {2}✗ .*cordon/);
  const json = JSON.parse((await gilliam('why web.1 --json')).stdout) as {
    verdicts: unknown[];
    events: unknown[];
  };
  expect(json.verdicts).toHaveLength(1);
  expect(await gilliam('why web.7')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: .*web\.7/) as string,
  });
  expect(await gilliam('why web')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/of the form web\.1/) as string,
  });
});

test('json of an executor is the API’s', async () => {
  const [shown] = JSON.parse((await gilliam('executors --json')).stdout) as { status: { state: string } }[];
  expect(Object.values(ExecutorState)).toContain(shown?.status.state);
});
