import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
import { eventually } from '../../../pkg/testing/api-harness';
import { SessionClient } from '../../../pkg/testing/session-client';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
let executor: SessionClient;
beforeEach(async () => {
  cli = await CliHarness.start();
  await cli.deployed();
  executor = new SessionClient(cli.api.connect({ token: 'executor-token' }), 'node-1');
  await cli.api.placeInstance({ executor: 'node-1', state: InstanceState.RUNNING });
  await eventually(() => expect(executor.tasks.size).toBe(1));
});
afterEach(async () => {
  await executor.abort();
  await cli.close();
});

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

/** Answers the next wish for logs with these lines. */
async function answer(...lines: string[]): Promise<void> {
  await eventually(() => expect(executor.logsWanted).toHaveLength(1));
  const { stream = '' } = executor.logsWanted.shift() ?? {};
  async function* requests() {
    yield {
      stream,
      error: '',
      lines: lines.map((line) => ({
        instance: 'web.1',
        release: 'v1',
        stream: LogLine_Stream.STDOUT,
        time: new Date(0),
        line: Buffer.from(line),
      })),
    };
  }
  await cli.api.connect({ token: 'executor-token' }).session.sendLogs(requests());
}

test('lines behind the name of their instance', async () => {
  const printed = gilliam('logs web.1 --tail 2 --since 1h');
  await answer('hello', 'world');
  expect(await printed).toEqual({ code: 0, stdout: 'web.1 | hello\nweb.1 | world\n', stderr: '' });
});

test('--json: one object a line', async () => {
  const printed = gilliam('logs --json');
  await answer('a', 'b');
  const lines = (await printed).stdout.trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { line: string }).line)).toEqual(['a', 'b']);
});

test('followed until interrupted, without an error', async () => {
  const interrupt = new AbortController();
  const printed = gilliam('logs -f', {
    signal: interrupt.signal,
    onStdout: (text) => text.includes('last') && interrupt.abort(),
  });
  await answer('first', 'last');
  expect(await printed).toEqual({ code: 130, stdout: 'web.1 | first\nweb.1 | last\n', stderr: '' });
});

test.each([
  ['logs wbe', 1, /did you mean "web"\?|wbe/],
  ['logs web/1', 1, /"web\/1" is neither a process/],
  ['logs --tail x', 2, /--tail: Expected an integer/],
  ['logs --since yesterday', 2, /"yesterday" is not a length of time/],
])('%s is refused', async (line, code, message) => {
  const outcome = await gilliam(line);
  expect(outcome.stderr).toMatch(message);
  expect(outcome).toMatchObject({ code, stdout: '' });
});
