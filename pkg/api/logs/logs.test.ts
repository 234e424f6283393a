import { InvalidError, NotFoundError } from '../../base/errors';
import type { Client } from '../../client/client';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { LogLine_Stream, type LogLine } from '../../gen/gilliam/v1/log_service';
import type { LogsWanted, SendLogsRequest } from '../../gen/gilliam/v1/session_service';
import { ApiHarness, eventually } from '../../testing/api-harness';
import { SessionClient } from '../../testing/session-client';

let api: ApiHarness;
let executorClient: Client;
let executor: SessionClient;
const ends: AbortController[] = [];
beforeEach(async () => {
  api = await ApiHarness.start({ options: { logsWithinMs: 2_000 } });
  await api.shop();
  executorClient = api.connect({ token: 'executor-token' });
  executor = new SessionClient(executorClient);
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
});
afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await executor.abort();
  await api.close();
});

interface Reading {
  readonly lines: LogLine[];
  readonly texts: () => string[];
  error: unknown;
  ended: boolean;
  begun: boolean;
  stop(): void;
}

function read(request: Parameters<Client['logs']['streamLogs']>[0] = {}): Reading {
  const end = new AbortController();
  ends.push(end);
  const lines: LogLine[] = [];
  const texts = () => lines.map(({ instance, line }) => `${instance}: ${Buffer.from(line).toString()}`);
  const reading: Reading = {
    lines,
    texts,
    error: undefined,
    ended: false,
    begun: false,
    stop: () => end.abort(),
  };
  void (async () => {
    try {
      const options = { signal: end.signal };
      for await (const part of api.client.logs.streamLogs(
        { parent: 'formations/shop', ...request },
        options,
      )) {
        reading.begun = true;
        lines.push(...part.lines);
      }
    } catch (error) {
      reading.error = error;
    }
    reading.ended = true;
  })();
  return reading;
}

const line = (text: string, second = 1): LogLine => ({
  instance: 'ignored',
  release: 'ignored',
  stream: LogLine_Stream.STDOUT,
  time: new Date(Date.UTC(2026, 0, 1, 0, 0, second)),
  line: Buffer.from(text),
});

async function wanted(uid: string, count = 1): Promise<LogsWanted> {
  return eventually(() => {
    const found = executor.logsWanted.filter((each) => each.uid === uid)[count - 1];
    if (!found) throw new Error('not asked for');
    return found;
  });
}

/** Sends the parts, as an executor does, and waits for the answer. */
function send({ stream }: Pick<LogsWanted, 'stream'>, parts: readonly Partial<SendLogsRequest>[]) {
  async function* requests(): AsyncGenerator<SendLogsRequest> {
    for (const [index, part] of parts.entries()) {
      yield { stream: index === 0 ? stream : '', lines: [], error: '', ...part };
    }
  }
  return executorClient.session.sendLogs(requests());
}

test('lines come labelled, and the stream ends when all instances have sent theirs', async () => {
  const first = await api.placeInstance({ ordinal: 1, state: InstanceState.RUNNING });
  const second = await api.placeInstance({ ordinal: 2, state: InstanceState.RUNNING });
  await api.placeInstance({ process: 'worker', state: InstanceState.RUNNING });
  const reading = read({ sources: ['web'], tailLines: 10, since: new Date(0) });
  const one = await wanted(first.metadata.uid);
  expect(one).toMatchObject({ follow: false, tailLines: 10, since: new Date(0) });
  await send(one, [{ lines: [line('a'), line('b')] }, { lines: [line('c')] }]);
  await send(await wanted(second.metadata.uid), [{ lines: [line('d')] }]);
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.error).toBeUndefined();
  expect(reading.texts()).toEqual(['web.1: a', 'web.1: b', 'web.1: c', 'web.2: d']);
  expect(reading.lines[0]).toMatchObject({ release: 'v1', stream: LogLine_Stream.STDOUT });
  expect(executor.logsWanted).toHaveLength(2);
});

test('what a deleted formation of the same name has printed is not asked for', async () => {
  const { formation } = await api.client.formations.getFormation({ name: 'formations/shop' });
  const created = formation?.metadata?.created as Date;
  const later = new Date(created.getTime() + 60_000);
  for (const [since, from] of [
    [undefined, created],
    [new Date(0), created],
    [later, later],
  ] as const) {
    executor.logsWanted.length = 0;
    const reading = read({ showFinished: true, since });
    expect((await wanted('')).since).toEqual(from);
    reading.stop();
  }
});

test('nothing runs, nothing comes', async () => {
  const reading = read();
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.error).toBeUndefined();
});

test.each<[string[], new (message: string) => Error, string]>([
  [['wbe'], NotFoundError, 'did you mean "web"?'],
  [['wbe.1'], NotFoundError, 'did you mean "web"?'],
  [['web:1'], InvalidError, 'neither a process'],
])('the source %j is refused', async (sources, type, message) => {
  const reading = read({ sources });
  await eventually(() => expect(reading.error).toBeInstanceOf(type));
  expect((reading.error as Error).message).toContain(message);
});

async function refusal(source: string): Promise<string> {
  const reading = read({ sources: [source] });
  await eventually(() => expect(reading.error).toBeInstanceOf(NotFoundError));
  return (reading.error as Error).message;
}

test('an unknown process is named once, of an instance with what was given', async () => {
  expect(await refusal('nosuch')).toBe('"shop" has no process "nosuch": there are web and worker');
  expect(await refusal('nosuch.1')).toBe(
    '"shop" has no process "nosuch" as in "nosuch.1": there are web and worker',
  );
});

describe('an instance that there is not', () => {
  test('is refused, with those that there are', async () => {
    expect(await refusal('web.99')).toBe(
      '"shop" has no instance "web.99", nor any other of web: gilliam logs web.99 --all shows what gone ones have printed',
    );
    await api.placeInstance({ ordinal: 10, state: InstanceState.RUNNING });
    await api.placeInstance({ ordinal: 2, executor: '' });
    await api.placeInstance({ process: 'worker', ordinal: 3 });
    expect(await refusal('web.99')).toBe(
      '"shop" has no instance "web.99": there are web.2 and web.10; gilliam logs web.99 --all shows what gone ones have printed',
    );
    expect(await refusal('web-10-7')).toContain('has no instance "web-10-7": there are web.2 and web.10;');
  });

  test.each([{ follow: true }, { showFinished: true }])(
    'is waited for, or looked for where it was: %j',
    async (how) => {
      const reading = read({ sources: ['web.99'], ...how });
      await eventually(() => expect(reading.begun || reading.ended || reading.error).toBe(true));
      expect(reading.error).toBeUndefined();
    },
  );

  test('is none that is pending or stopped', async () => {
    await api.placeInstance({ executor: '' });
    await api.placeInstance({ ordinal: 2, executor: '', state: InstanceState.STOPPED });
    for (const source of ['web.1', 'web-1-1', 'web.2']) {
      const reading = read({ sources: [source] });
      await eventually(() => expect(reading.ended).toBe(true));
      expect(reading.error).toBeUndefined();
    }
  });
});

test('with follow, an instance that starts later is followed from its beginning', async () => {
  const reading = read({ follow: true, tailLines: 5 });
  await eventually(() => expect(reading.begun).toBe(true));
  const instance = await api.placeInstance();
  await api.changeInstance('web-1-1', (before) => ({
    ...before,
    status: { ...before.status, state: InstanceState.STARTING },
  }));
  const asked = await wanted(instance.metadata.uid);
  expect(asked).toMatchObject({ follow: true, tailLines: undefined });
  await send(asked, [{ lines: [line('hello')] }]);
  await eventually(() => expect(reading.texts()).toEqual(['web.1: hello']));
  expect(reading.ended).toBe(false);
});

test('with follow, a stream that ended is asked for again, and no line comes twice', async () => {
  const { metadata } = await api.placeInstance({ state: InstanceState.RUNNING });
  const reading = read({ follow: true });
  await send(await wanted(metadata.uid), [{ lines: [line('a', 1), line('b', 2), line('c', 2)] }]);
  const again = await wanted(metadata.uid, 2);
  expect(again.since).toEqual(line('', 2).time);
  await send(again, [{ lines: [line('b', 2), line('c', 2), line('d', 2), line('e', 3)] }]);
  await eventually(() =>
    expect(reading.texts()).toEqual(['web.1: a', 'web.1: b', 'web.1: c', 'web.1: d', 'web.1: e']),
  );
});

test('an executor that is not connected is named in a line', async () => {
  await api.placeInstance({ executor: 'e9', state: InstanceState.RUNNING });
  const reading = read();
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.texts()).toEqual([
    'web.1: gilliam: executor e9 is not connected: its logs cannot be read now',
  ]);
  expect(reading.lines[0]?.stream).toBe(LogLine_Stream.STDERR);
});

test('an executor that does not answer, or cannot, is named in a line', async () => {
  const first = await api.placeInstance({ ordinal: 1, state: InstanceState.RUNNING });
  await api.placeInstance({ ordinal: 2, state: InstanceState.RUNNING });
  const reading = read();
  await send(await wanted(first.metadata.uid), [
    { lines: [line('a')] },
    { error: 'the engine does not answer' },
  ]);
  await eventually(() => expect(reading.ended).toBe(true));
  expect(reading.texts().sort()).toEqual([
    'web.1: a',
    'web.1: gilliam: the engine does not answer',
    'web.2: gilliam: executor e1 does not send logs: is it overloaded?',
  ]);
});

test('a reader that leaves stops the executor', async () => {
  const { metadata } = await api.placeInstance({ state: InstanceState.RUNNING });
  const reading = read({ follow: true });
  const { stream } = await wanted(metadata.uid);
  let sent = 0;
  async function* endless(): AsyncGenerator<SendLogsRequest> {
    for (;;) {
      yield { stream: sent === 0 ? stream : '', lines: [line('x'.repeat(1_000))], error: '' };
      sent++;
    }
  }
  const sending = executorClient.session.sendLogs(endless());
  await eventually(() => expect(reading.lines.length).toBeGreaterThan(10));
  reading.stop();
  await sending;
});

test('a reader that leaves stops the executor although its log is quiet', async () => {
  const { metadata } = await api.placeInstance({ state: InstanceState.RUNNING });
  const reading = read({ follow: true });
  const { stream } = await wanted(metadata.uid);
  async function* quiet(): AsyncGenerator<SendLogsRequest> {
    yield { stream, lines: [line('a')], error: '' };
    await new Promise(() => {});
  }
  const sending = executorClient.session.sendLogs(quiet());
  await eventually(() => expect(reading.texts()).toEqual(['web.1: a']));
  reading.stop();
  await sending;
});

test('a slow reader holds up the executor, not the memory', async () => {
  const { metadata } = await api.placeInstance({ state: InstanceState.RUNNING });
  const end = new AbortController();
  ends.push(end);
  const stream = api.client.logs
    .streamLogs({ parent: 'formations/shop' }, { signal: end.signal })
    [Symbol.asyncIterator]();
  const first = stream.next();
  const asked = await wanted(metadata.uid);
  let sent = 0;
  async function* endless(): AsyncGenerator<SendLogsRequest> {
    for (;;) {
      yield { stream: sent === 0 ? asked.stream : '', lines: [line('x'.repeat(50_000))], error: '' };
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const sending = executorClient.session.sendLogs(endless()).catch(() => undefined);
  await first;
  let before = -1;
  await eventually(async () => {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sent).toBe(before);
  });
  expect(sent).toBeLessThan(400);
  end.abort();
  await stream.next().catch(() => undefined);
  await sending;
});

test('a log stream that nobody wants is refused', async () => {
  await expect(send({ stream: 'none' }, [{ lines: [line('a')] }])).rejects.toThrow(NotFoundError);
});
