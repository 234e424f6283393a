import type { InstanceStatus } from '../../../pkg/gen/gilliam/v1/instance';
import { InstanceSpec_Desired, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import type { TerminalWanted } from '../../../pkg/gen/gilliam/v1/session_service';
import { eventually } from '../../../pkg/testing/api-harness';
import { AttachedExecutor } from '../../../pkg/testing/attached-executor';
import { SessionClient } from '../../../pkg/testing/session-client';
import { CliHarness, FakeInput, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
let executor: SessionClient;
beforeEach(async () => {
  cli = await CliHarness.start();
  await cli.deployed();
  executor = new SessionClient(cli.api.connect({ token: 'executor-token' }), 'node-1');
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
});
afterEach(async () => {
  await executor.abort();
  await cli.close();
});

function wanted(): Promise<TerminalWanted> {
  return eventually(() => {
    const next = executor.terminalsWanted.shift();
    if (!next) throw new Error('no terminal is wanted');
    return next;
  });
}

/** Places the command, and is its executor. */
async function answer(): Promise<AttachedExecutor> {
  await eventually(() => cli.api.instance('run-1-1'));
  await cli.api.changeInstance('run-1-1', (instance) => ({
    ...instance,
    spec: { ...instance.spec, executor: 'node-1' },
    status: { ...instance.status, state: InstanceState.ASSIGNED },
  }));
  return new AttachedExecutor(cli.api.connect({ token: 'executor-token' }), await wanted());
}

async function run(words: string[], options?: RunOptions) {
  const done = cli.run(['run', ...words], options);
  return { done, command: await answer() };
}

test('output on the same streams, and the exit code passed on', async () => {
  const { done, command } = await run(['sh', '-c', 'exit 42']);
  const { spec } = await cli.api.instance('run-1-1');
  expect(spec.oneOff).toMatchObject({ command: ['sh', '-c', 'exit 42'], tty: false });
  await command.print('out\n');
  await command.print('err\n', 'stderr');
  await command.exit(42);
  expect(await done).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' });
});

test('flags behind the command are the command’s', async () => {
  const { done, command } = await run(['-r', 'v1', '-e', 'A=b=c', 'ls', '-la', '--json', '--help']);
  const { spec } = await cli.api.instance('run-1-1');
  expect(spec.oneOff).toMatchObject({ command: ['ls', '-la', '--json', '--help'], env: { A: 'b=c' } });
  await command.exit(0);
  expect(await done).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('what is piped in arrives to its end', async () => {
  const { done, command } = await run(['cat'], {
    stdin: new FakeInput(['hello ', Buffer.alloc(100_000, 'x')]),
  });
  await eventually(() => expect(command.input.at(-1)?.input?.$case).toBe('stdinEnd'));
  expect(command.typed).toBe(`hello ${'x'.repeat(100_000)}`);
  await command.exit(0);
  expect((await done).code).toBe(0);
});

test('-t: a terminal of our size, keys as they are pressed, and all as it was before', async () => {
  const stdin = new FakeInput(['x'], { columns: 91, rows: 37 });
  const done = cli.run(['run', '-t', 'bash'], { stdin, env: { TERM: 'vt100' } });
  await eventually(() => cli.api.instance('run-1-1'));
  const command = await answer();
  expect((await cli.api.instance('run-1-1')).spec.oneOff).toMatchObject({
    tty: true,
    env: { TERM: 'vt100' },
  });
  await command.print('$ ');
  await eventually(() => expect(stdin.isRaw).toBe(true));
  stdin.resize({ columns: 100, rows: 50 });
  await eventually(() =>
    expect(command.input.at(-1)?.input).toEqual({ $case: 'size', value: { columns: 100, rows: 50 } }),
  );
  await command.exit(0);
  expect(await done).toMatchObject({ code: 0, stdout: '$ ' });
  expect(stdin).toMatchObject({ isRaw: false, wasRaw: true });
});

test('the terminal is restored when the connection is lost, too', async () => {
  const stdin = new FakeInput([], { columns: 91, rows: 37 });
  const { done, command } = await run(['-t', 'bash'], { stdin });
  await command.print('$ ');
  await eventually(() => expect(stdin.isRaw).toBe(true));
  command.break();
  const { code, stderr } = await done;
  expect(code).toBe(1);
  expect(stderr).toMatch(/connection to executor node-1 was lost/);
  expect(stdin.isRaw).toBe(false);
});

test('Ctrl-C goes to the command', async () => {
  const interrupt = new AbortController();
  const { done, command } = await run(['sleep', '100'], { signal: interrupt.signal });
  await command.print('begun');
  await eventually(() => expect(command.input.length).toBeGreaterThan(0));
  interrupt.abort(new Error('SIGINT'));
  await eventually(() => expect(command.input.at(-1)?.input).toEqual({ $case: 'signal', value: 'SIGINT' }));
  await command.exit(130);
  expect((await done).code).toBe(130);
});

test('a signal ends gilliam with a terminal, and with it the command', async () => {
  const interrupt = new AbortController();
  const stdin = new FakeInput([], { columns: 91, rows: 37 });
  const { done, command } = await run(['-t', 'bash'], { stdin, signal: interrupt.signal });
  await command.print('$ ');
  await eventually(() => expect(stdin.isRaw).toBe(true));
  interrupt.abort(new Error('SIGTERM'));
  expect((await done).code).not.toBe(0);
  expect(stdin.isRaw).toBe(false);
  await eventually(async () =>
    expect((await cli.api.instance('run-1-1')).spec.desired).toBe(InstanceSpec_Desired.STOPPED),
  );
});

test('--json: one value', async () => {
  const done = cli.run(['run', '--json', 'sh']);
  const command = await answer();
  await command.print('out\n');
  await command.print('err\n', 'stderr');
  await command.exit(3);
  const { code, stdout } = await done;
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toEqual({
    ...{ instance: 'run.1', release: 'v1', exitCode: 3, stdout: 'out\n', stderr: 'err\n' },
  });
});

test('what could not be run says why', async () => {
  const { done, command } = await run(['nosuch']);
  await command.exit(127, 'exec: "nosuch": executable file not found in $PATH');
  expect(await done).toEqual({
    code: 127,
    stdout: '',
    stderr: 'gilliam: exec: "nosuch": executable file not found in $PATH\n',
  });
});

test('--plan runs nothing', async () => {
  const { code, stdout } = await cli.gilliam('run --plan rake db:migrate');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'would run rake db:migrate in v1\n' });
  await expect(cli.api.instance('run-1-1')).rejects.toThrow('no instance');
});

test.each([
  ['run', 2, /COMMAND is missing: gilliam run --help/],
  ['run -t bash', 2, /-t needs a terminal, and standard input is none/],
  ['run -e A ls', 2, /"A" is no variable: write NAME=VALUE/],
  ['run --relaese v1 ls', 2, /did you mean --release\?/],
  ['run -r v9 ls', 1, /no release v9/],
  ['run --process wbe ls', 1, /did you mean "web"\?/],
  ['exec web.1', 2, /COMMAND is missing/],
  ['exec web.1 ls', 1, /no instance web\.1/],
  ['spawn web -p 99999', 2, /"99999" is no port/],
  ['spawn wbe', 1, /did you mean "web"\?/],
  ['stop web.1', 1, /no instance web\.1/],
  ['restart wbe', 1, /nothing runs as wbe/],
])('%s is refused', async (line, code, message) => {
  const outcome = await cli.gilliam(line);
  expect(outcome.stderr).toMatch(message);
  expect(outcome).toMatchObject({ code, stdout: '' });
});

test('exec runs beside an instance', async () => {
  await cli.api.placeInstance({ executor: 'node-1', state: InstanceState.RUNNING });
  const done = cli.run(['exec', 'web.1', 'ls', '-l']);
  const next = await wanted();
  expect(next.command).toEqual(['ls', '-l']);
  const command = new AttachedExecutor(cli.api.connect({ token: 'executor-token' }), next);
  await command.print('a file\n');
  await command.exit(0);
  expect(await done).toEqual({ code: 0, stdout: 'a file\n', stderr: '' });
});

/** What happens to an instance when it is there. */
async function become(name: string, status: Partial<InstanceStatus>): Promise<void> {
  await eventually(() => cli.api.instance(name));
  await cli.api.changeInstance(name, (instance) => ({
    ...instance,
    status: { ...instance.status, ...status },
  }));
}

test('spawn says that a chosen port is taken, or that nothing has room', async () => {
  const taken = cli.gilliam('spawn worker -p 8080:80');
  const message = 'host port 8080 is taken by something else';
  await become('worker-1-1', { state: InstanceState.FAILED, reason: 'PortTaken', message });
  expect(await taken).toMatchObject({ code: 1, stdout: '' });
  expect((await taken).stderr).toContain(
    `worker.1 of v1 did not start: ${message}; see gilliam why worker.1`,
  );
  const waiting = cli.gilliam('spawn worker -p 8080:80');
  await become('worker-1-2', { reason: 'Unschedulable', message: '1 executor: 1 without engine' });
  expect((await waiting).stdout).toBe('worker.1 of v1 waits: 1 executor: 1 without engine\n');
});

test('spawn, and stop', async () => {
  expect((await cli.gilliam('spawn worker --plan')).stdout).toBe('would start worker.1 of v1\n');
  const spawned = cli.gilliam('spawn worker -p 8080:80');
  await become('worker-1-1', { state: InstanceState.RUNNING });
  expect((await spawned).stdout).toBe('worker.1 of v1 starts\n');
  const { spec } = await cli.api.instance('worker-1-1');
  expect(spec.oneOff?.ports).toEqual([{ name: '', hostPort: 8080, containerPort: 80 }]);
  expect((await cli.gilliam('stop worker.1 --plan')).stdout).toBe('would stop worker.1\n');
  expect((await cli.gilliam('stop worker.1')).stdout).toBe('worker.1 stops\n');
  expect((await cli.api.instance('worker-1-1')).status.state).toBe(InstanceState.STOPPED);
});

test('restart marks what is to be replaced, and nothing else', async () => {
  for (const ordinal of [1, 2]) await cli.running(ordinal, 'v1');
  expect((await cli.gilliam('restart --plan')).stdout).toBe('would replace web.1 web.2\n');
  expect((await cli.gilliam('restart web.2')).stdout).toBe('replacing web.2\n');
  expect((await cli.api.instance('web-1-1')).spec.replace).toBe(false);
  expect((await cli.api.instance('web-2-1')).spec.replace).toBe(true);
});
