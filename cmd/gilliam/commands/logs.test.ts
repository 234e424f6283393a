import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
import type { LogsWanted } from '../../../pkg/gen/gilliam/v1/session_service';
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

/** Answers the wish for the living instance's logs with these lines, and that for history, if any, with the others. */
async function answer(...lines: string[]): Promise<void> {
  await send(await wish(({ uid }) => uid !== ''), lines);
}

function wish(chosen: (wanted: LogsWanted) => boolean): Promise<LogsWanted> {
  return eventually(() => {
    const at = executor.logsWanted.findIndex(chosen);
    if (at < 0) throw new Error('not asked for');
    return executor.logsWanted.splice(at, 1)[0] as LogsWanted;
  });
}

async function send({ stream }: LogsWanted, lines: readonly string[], release = 'v1'): Promise<void> {
  async function* requests() {
    yield {
      stream,
      error: '',
      lines: lines.map((line) => ({
        instance: 'web.1',
        release,
        stream: LogLine_Stream.STDOUT,
        time: new Date(0),
        line: Buffer.from(line),
      })),
    };
  }
  await cli.api.connect({ token: 'executor-token' }).session.sendLogs(requests());
}

test('lines behind the name of their instance', async () => {
  const printed = gilliam('logs web.1 --tail 2');
  await answer('hello', 'world');
  expect(await printed).toEqual({ code: 0, stdout: 'web.1 | hello\nweb.1 | world\n', stderr: '' });
});

test('what instances that are gone have printed comes with what lives, chosen where it is', async () => {
  const printed = gilliam(
    'logs web.1 -r v1 -g err --since 2126-01-01T00:00:00Z --until 2126-01-02T00:00:00Z',
  );
  const choice = {
    release: 'v1',
    contains: 'err',
    since: new Date('2126-01-01T00:00:00Z'),
    until: new Date('2126-01-02T00:00:00Z'),
  };
  const history = await wish(({ uid }) => uid === '');
  expect(history).toMatchObject({ ...choice, formation: 'shop', instance: 'web.1' });
  const living = await wish(({ uid }) => uid !== '');
  // The history is asked for once: not again by the instance.
  expect(living).toMatchObject({ contains: 'err', formation: '', follow: false });
  await send(history, ['old err']);
  await send(living, ['new err']);
  expect(await printed).toEqual({ code: 0, stdout: 'web.1 | old err\nweb.1 | new err\n', stderr: '' });
});

test('another release’s instances are left out', async () => {
  const printed = gilliam('logs -r v2');
  await send(await wish(({ uid }) => uid === ''), []);
  expect(await printed).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(executor.logsWanted).toEqual([]);
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

test('followed through the end of the control plane: it goes on where it was', async () => {
  const interrupt = new AbortController();
  const seen: string[] = [];
  const printed = gilliam('logs -f', {
    signal: interrupt.signal,
    onStdout: (text) => {
      seen.push(text);
      if (text.includes('third')) interrupt.abort();
    },
  });
  await answer('first', 'second');
  await eventually(() => expect(seen.join('')).toContain('second'));
  await cli.api.stopServer();
  await executor.abort();
  await cli.api.startServer();
  executor = new SessionClient(cli.api.connect({ token: 'executor-token' }), 'node-1');
  const wanted = await wish(({ uid }) => uid !== '');
  expect(wanted.since).toEqual(new Date(0));
  // Both have the time of the last line, and so come once more.
  await send(wanted, ['first', 'second', 'third']);
  expect(await printed).toEqual({
    code: 130,
    stdout: 'web.1 | first\nweb.1 | second\nweb.1 | third\n',
    stderr: 'the control plane does not answer: the logs go on when it does\n',
  });
});

test('what does not answer from the start is not waited for', async () => {
  await cli.api.stopServer();
  expect(await gilliam('logs -f')).toMatchObject({ code: 1, stdout: '' });
});

test.each([
  ['logs wbe', 1, /did you mean "web"\?|wbe/],
  ['logs web.99', 1, /has no instance "web.99": there is only web\.1; gilliam logs web\.99 --all shows/],
  ['logs web/1', 1, /"web\/1" is neither a process/],
  ['logs --tail x', 2, /--tail takes a whole number, not "x"/],
  ['logs --since yesterday', 2, /"yesterday" is not a length of time/],
  ['logs --since 2026-13-45', 2, /"2026-13-45" is no moment/],
  ['logs --since 1m --until 5m', 1, /until is not after since/],
  ['logs -f --until 5m', 2, /--follow goes on, --until ends/],
  ['logs -r two', 1, /"two"/],
])('%s is refused', async (line, code, message) => {
  const outcome = await gilliam(line);
  expect(outcome.stderr).toMatch(message);
  expect(outcome).toMatchObject({ code, stdout: '' });
});
