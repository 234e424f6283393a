import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
  await cli.deployed();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

test('what is finished is shown with --all only', async () => {
  await cli.running(1, 'v1');
  await cli.api.placeInstance({ ordinal: 2, state: InstanceState.STOPPED });
  expect((await gilliam('ps')).stdout).toMatch(/^web\.1 .*\n$/);
  expect((await gilliam('ps --all')).stdout).toMatch(/^web\.1 .*\nweb\.2 v1 state stopped .*\n$/);
});

test('those of every formation, with its name before theirs', async () => {
  await cli.running(1, 'v1');
  expect((await gilliam('ps -A', { cwd: '../elsewhere' })).stdout).toMatch(/^shop\/web\.1 v1 state running /);
});

test('--watch prints again after each change, until interrupted', async () => {
  await cli.running(1, 'v1');
  const interrupt = new AbortController();
  let begun = () => {};
  const first = new Promise<void>((resolve) => (begun = resolve));
  const watching = gilliam('ps --watch', {
    signal: interrupt.signal,
    onStdout: (text) => {
      begun();
      if (text.includes('web.2')) interrupt.abort();
    },
  });
  await first;
  await cli.running(2, 'v1');
  const { code, stdout, stderr } = await watching;
  expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  expect(stdout).toMatch(/^web\.1 .*\n\nweb\.1 /);
});

test('--watch goes on after the control plane was away', async () => {
  await cli.running(1, 'v1');
  const interrupt = new AbortController();
  let begun = () => {};
  const first = new Promise<void>((resolve) => (begun = resolve));
  const watching = gilliam('ps --watch', {
    signal: interrupt.signal,
    onStdout: (text) => {
      begun();
      if (text.includes('web.2')) interrupt.abort();
    },
  });
  await first;
  await cli.api.stopServer();
  await cli.running(2, 'v1');
  await cli.api.startServer();
  expect(await watching).toMatchObject({ code: 130, stderr: '' });
});

test('--watch and --json do not go together', async () => {
  expect(await gilliam('ps --watch --json')).toMatchObject({ code: 2 });
});
