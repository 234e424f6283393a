import { DeniedError, NotFoundError, UnavailableError } from '../../base/errors';
import type { Client } from '../../client/client';
import { ExecStart, RunStart, type ExecRequest, type RunRequest } from '../../gen/gilliam/v1/exec_service';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { LogLine_Stream, type LogLine } from '../../gen/gilliam/v1/log_service';
import type { OpenTerminalRequest } from '../../gen/gilliam/v1/replica_service';
import type { SendLogsRequest } from '../../gen/gilliam/v1/session_service';
import { executors, sessions, type Executor, type Instance } from '../../resource/objects';
import { ApiHarness, eventually } from '../../testing/api-harness';
import { AttachedExecutor } from '../../testing/attached-executor';
import { SessionClient } from '../../testing/session-client';
import { TerminalCaller } from '../../testing/terminal-caller';
import { replicaToken } from './replica-token';

// The executor is connected to the one, users ask the other.
const options = { logsWithinMs: 3_000, leaseTtlMs: 1_000 };
const parent = 'formations/shop';
let holder: ApiHarness;
let asked: ApiHarness;
let executor: SessionClient;
let instance: Instance;
const callers: TerminalCaller[] = [];
const readings: AbortController[] = [];

beforeEach(async () => {
  holder = await ApiHarness.start({ options, identity: 'cp1' });
  asked = await ApiHarness.start({ options, identity: 'cp2', store: holder.store });
  await holder.shop();
  executor = await connected(holder);
  instance = await holder.placeInstance({ state: InstanceState.RUNNING });
});
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.leave();
  for (const reading of readings.splice(0)) reading.abort();
  await executor.abort();
  await asked.stopServer();
  await holder.stopServer();
  await asked.close();
  await holder.close();
});

async function connected(to: ApiHarness): Promise<SessionClient> {
  const session = new SessionClient(to.connect({ token: 'executor-token' }));
  await eventually(() => expect(session.received[0]?.$case).toBe('assignment'));
  return session;
}

function exec(start: Partial<ExecStart> = {}): TerminalCaller {
  const caller = new TerminalCaller((requests, signal) =>
    asked.client.exec.exec(requests as AsyncIterable<ExecRequest>, { signal }),
  );
  callers.push(caller);
  const value = ExecStart.fromPartial({ name: `${parent}/instances/web.1`, command: ['sh'], ...start });
  void caller.send({ $case: 'start', value });
  return caller;
}

async function wanted(session = executor) {
  return eventually(() => {
    const next = session.terminalsWanted.shift();
    if (!next) throw new Error('no terminal is wanted');
    return next;
  });
}

/** A command that somebody runs through the one control plane, as its executor sees it through the other. */
async function execed(start: Partial<ExecStart> = {}) {
  const caller = exec(start);
  const told = await wanted();
  return {
    caller,
    told,
    command: new AttachedExecutor(holder.connect({ token: 'executor-token' }), told),
  };
}

const line = (text: string, second: number): LogLine => ({
  instance: 'web.1',
  release: 'v1',
  stream: LogLine_Stream.STDOUT,
  time: new Date(Date.UTC(2026, 0, 1, 0, 0, second)),
  line: Buffer.from(text),
});

/** What somebody reads of logs through the control plane that they ask. */
function read(request: Parameters<Client['logs']['streamLogs']>[0] = {}) {
  const end = new AbortController();
  readings.push(end);
  const reading = { texts: [] as string[], ended: false, error: undefined as unknown };
  void (async () => {
    try {
      const calls = asked.client.logs.streamLogs({ parent, ...request }, { signal: end.signal });
      for await (const { lines } of calls) reading.texts.push(...lines.map((each) => each.line.toString()));
    } catch (error) {
      reading.error = error;
    }
    reading.ended = true;
  })();
  return reading;
}

async function logsWanted(session = executor, uid = instance.metadata.uid) {
  return eventually(() => {
    const at = session.logsWanted.findIndex((each) => each.uid === uid);
    if (at < 0) throw new Error('no logs are wanted');
    return session.logsWanted.splice(at, 1)[0] as SessionClient['logsWanted'][number];
  });
}

function send(stream: string, batches: AsyncIterable<readonly LogLine[]>, to = holder) {
  async function* requests(): AsyncGenerator<SendLogsRequest> {
    yield { stream, lines: [], error: '' };
    for await (const lines of batches) yield { stream: '', lines: [...lines], error: '' };
  }
  return to.connect({ token: 'executor-token' }).session.sendLogs(requests());
}

async function* batches(...all: readonly (readonly LogLine[])[]): AsyncGenerator<readonly LogLine[]> {
  yield* all;
}

test('the session says which control plane holds it, and where that one is', async () => {
  expect(await holder.sessionOf('e1')).toMatchObject({ holder: 'cp1', address: holder.address });
});

test('exec: streams, exit code, window size, signals and the end of input pass both control planes', async () => {
  const { caller, told, command } = await execed({ tty: true, size: { columns: 80, rows: 24 } });
  expect(told).toMatchObject({ uid: instance.metadata.uid, command: ['sh'], tty: true });
  expect(told.size).toEqual({ columns: 80, rows: 24 });
  await command.print('$ ');
  await eventually(() => expect(caller.text).toBe('$ '));
  await caller.type({ $case: 'stdin', value: Buffer.from('ls\n') });
  await caller.type({ $case: 'size', value: { columns: 100, rows: 50 } });
  await caller.type({ $case: 'signal', value: 'SIGINT' });
  caller.done();
  await eventually(() => expect(command.input.map(({ input }) => input?.$case)).toContain('stdinEnd'));
  expect(command.typed).toBe('ls\n');
  expect(command.input.slice(1, 3).map(({ input }) => input)).toEqual([
    { $case: 'size', value: { columns: 100, rows: 50 } },
    { $case: 'signal', value: 'SIGINT' },
  ]);
  await command.print('oh', 'stderr');
  await command.exit(7);
  await eventually(() => expect(caller.ended).toBe(true));
  expect(caller.error).toBeUndefined();
  expect(caller.exit).toEqual({ code: 7, error: '' });
});

/** A command of its own, asked for at one control plane and attached to at the other. */
async function ran(...argv: string[]) {
  const caller = new TerminalCaller((requests, signal) =>
    asked.client.exec.run(requests as AsyncIterable<RunRequest>, { signal }),
  );
  callers.push(caller);
  void caller.send({ $case: 'start', value: RunStart.fromPartial({ parent, command: argv }) });
  await eventually(() => holder.instance('run-1-1'));
  await holder.changeInstance('run-1-1', (before) => ({
    ...before,
    spec: { ...before.spec, executor: 'e1' },
    status: { ...before.status, state: InstanceState.ASSIGNED },
  }));
  const command = new AttachedExecutor(holder.connect({ token: 'executor-token' }), await wanted());
  return { caller, command };
}

test('run: the instance is made here, and its command attached to there', async () => {
  const { caller, command } = await ran('true');
  await command.print('done');
  await command.exit(0);
  await eventually(() => expect(caller.exit?.code).toBe(0));
  expect(caller.text).toBe('done');
});

const piece = Buffer.alloc(64 * 1024, 'x');

test('10 MiB pass whole', async () => {
  const { caller, command } = await execed();
  for (let printed = 0; printed < 160; printed++) await command.print(piece);
  await command.exit(0);
  await eventually(() => expect(caller.exit?.code).toBe(0));
  expect(caller.text).toHaveLength(160 * piece.length);
});

test('a slow reader holds up the command through both control planes', async () => {
  const { caller, command } = await execed();
  caller.take = () => new Promise(() => {});
  let printed = 0;
  void (async () => {
    while (printed < 1_000 && (await command.print(piece))) printed++;
  })();
  await eventually(() => expect(printed).toBeGreaterThan(3));
  await settled(() => printed);
  // What fits relays, windows and the kernel's buffers, and no more.
  expect(printed).toBeLessThan(500);
});

/** Resolves when the figure has stood still for a while. */
async function settled(figure: () => number): Promise<void> {
  let before = -1;
  await eventually(async () => {
    before = figure();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(figure()).toBe(before);
  });
}

test('a caller that leaves ends the command', async () => {
  const { caller, command } = await execed();
  await command.print('…');
  await eventually(() => expect(caller.text).toBe('…'));
  caller.leave();
  await eventually(() => expect(command.error?.message).toContain('whoever was attached is gone'));
});

test('that the executor’s call breaks is told as it is by the control plane that knows', async () => {
  const { caller, command } = await execed();
  await command.print('…');
  await eventually(() => expect(caller.text).toBe('…'));
  command.break();
  await eventually(() => expect(caller.error).toBeInstanceOf(UnavailableError));
  expect(caller.error?.message).toBe(
    'the connection to executor e1 was lost: what became of the command is not known',
  );
});

test('a control plane that goes in the middle is told of in one line', async () => {
  const { caller, command } = await execed();
  await command.print('…');
  await eventually(() => expect(caller.text).toBe('…'));
  await holder.stopServer();
  await eventually(() => expect(caller.error).toBeInstanceOf(UnavailableError));
  expect(caller.error?.message).toMatch(
    /^the control plane .* has gone: what became of the command is not known/,
  );
});

test('a command that has not begun follows its executor to the next control plane', async () => {
  await holder.stopServer();
  await executor.abort();
  const caller = exec();
  executor = await connected(asked);
  const command = new AttachedExecutor(asked.connect({ token: 'executor-token' }), await wanted());
  await command.print('here');
  await command.exit(0);
  await eventually(() => expect(caller.exit?.code).toBe(0));
  expect(caller.text).toBe('here');
});

test('an executor whose control plane stays away is not waited for for ever', async () => {
  // An address that nobody answers at, of a session that does not move.
  const address = '127.0.0.1:1';
  const found = await holder.sessionOf('e1');
  await executor.abort();
  await eventually(async () => expect(await holder.sessionOf('e1')).toBeUndefined());
  const object = { ...(found as NonNullable<typeof found>), holder: 'cp3', address };
  await holder.store.commit([{ op: 'create', kind: sessions, object }]);
  const caller = exec();
  await eventually(() => expect(caller.error).toBeInstanceOf(UnavailableError), 8_000);
  expect(caller.error?.message).toMatch(/^executor e1 cannot be reached through a control plane/);
});

test('an executor that has been away for a while is not waited for', async () => {
  await executor.abort();
  await eventually(async () => expect(await asked.sessionOf('e1')).toBeUndefined());
  const object = await holder.store.get(executors, { formation: '', name: 'e1' });
  if (!object) throw new Error('no executor');
  const away = { state: ExecutorState.DISCONNECTED, changed: new Date(Date.now() - 60_000) };
  const gone: Executor = { ...object, status: { ...object.status, ...away } };
  await holder.store.commit([{ op: 'update', kind: executors, object: gone }]);
  const caller = exec();
  await eventually(() => expect(caller.error?.message).toContain('executor e1 is not connected'), 1_000);
});

test('logs: lines of an executor of another control plane, chosen where they are', async () => {
  const reading = read({ sources: ['web'], tailLines: 2, contains: 'a' });
  const told = await logsWanted();
  expect(told).toMatchObject({ tailLines: 2, contains: 'a' });
  await send(told.stream, batches([line('a1', 1)], [line('a2', 2)]));
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.error).toBeUndefined();
  expect(reading.texts).toEqual(['a1', 'a2']);
});

test('logs: what gone instances have printed is asked of the executors of all control planes', async () => {
  const reading = read({ showFinished: true });
  await send((await logsWanted(executor, '')).stream, batches([line('gone', 1)]));
  await send((await logsWanted()).stream, batches([line('living', 2)]));
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.texts.toSorted()).toEqual(['gone', 'living']);
});

test('logs: that an executor cannot send all is told where the lines would be', async () => {
  const reading = read();
  await logsWanted();
  await executor.abort();
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.texts.join()).toMatch(/^gilliam: executor e1 .*: its logs cannot be read now$/);
});

test('invariant 6: a log that is followed goes on where it was when its executor moves', async () => {
  const reading = read({ follow: true });
  async function* forEver(): AsyncGenerator<readonly LogLine[]> {
    yield [line('a', 1), line('b', 2), line('c', 2)];
    await new Promise(() => {});
  }
  void send((await logsWanted()).stream, forEver()).catch(() => {});
  await eventually(() => expect(reading.texts).toEqual(['a', 'b', 'c']));
  await holder.stopServer();
  await executor.abort();
  executor = await connected(asked);
  const again = await logsWanted();
  // From the time of the last line on: those of that time that were sent are left out.
  expect(again.since).toEqual(line('', 2).time);
  await send(again.stream, batches([line('b', 2), line('c', 2), line('d', 2), line('e', 3)]), asked);
  await eventually(() => expect(reading.texts).toContain('e'));
  expect(reading.texts.filter((text) => !text.startsWith('gilliam:'))).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('logs: a slow reader holds up the executor through both control planes', async () => {
  const end = new AbortController();
  readings.push(end);
  const stream = asked.client.logs.streamLogs({ parent }, { signal: end.signal })[Symbol.asyncIterator]();
  await stream.next();
  let sent = 0;
  async function* many(): AsyncGenerator<readonly LogLine[]> {
    for (; sent < 1_000; sent++) yield [line('x'.repeat(64 * 1024), sent % 60)];
  }
  void stream.next();
  void send((await logsWanted()).stream, many()).catch(() => {});
  await eventually(() => expect(sent).toBeGreaterThan(4));
  await settled(() => sent);
  expect(sent).toBeLessThan(500);
});

describe('who may ask', () => {
  const terminal = (client: Client, executorName: string) => {
    async function* requests(): AsyncGenerator<OpenTerminalRequest> {
      yield { message: { $case: 'executor', value: executorName } };
      await new Promise(() => {});
    }
    return client.replicas.openTerminal(requests())[Symbol.asyncIterator]().next();
  };

  test.each(['user-token', 'executor-token'])('nobody with the %s', async (token) => {
    await expect(terminal(holder.connect({ token }), 'e1')).rejects.toBeInstanceOf(DeniedError);
  });

  test('a control plane, which may call nothing else', async () => {
    const token = replicaToken({ user: 'user-token', executor: 'executor-token' });
    const client = holder.connect({ token });
    await expect(terminal(client, 'e1')).resolves.toMatchObject({ done: false });
    await expect(client.formations.listFormations({})).rejects.toBeInstanceOf(DeniedError);
  });

  test('one that does not hold the session passes nothing on: there are no loops', async () => {
    const token = replicaToken({ user: 'user-token', executor: 'executor-token' });
    await expect(terminal(asked.connect({ token }), 'e1')).rejects.toBeInstanceOf(NotFoundError);
    const logs = asked.connect({ token }).replicas.readLogs({ executor: 'e1', wanted: { uid: 'u' } });
    await expect(logs[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(NotFoundError);
  });
});

test('a run whose caller leaves is stopped, wherever its executor is connected', async () => {
  const { caller, command } = await ran('sleep');
  await command.print('…');
  await eventually(() => expect(caller.text).toBe('…'));
  caller.leave();
  await eventually(async () =>
    expect((await holder.instance('run-1-1')).spec.desired).toBe(InstanceSpec_Desired.STOPPED),
  );
});
