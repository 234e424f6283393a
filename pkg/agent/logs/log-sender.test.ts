import { silentLogger } from '../../base/log';
import { LogsWanted, type SendLogsRequest } from '../../gen/gilliam/v1/session_service';
import { VirtualClock } from '../../testing/virtual-clock';
import type { Driver, LogEntry } from '../driver';
import { EngineUnavailable } from '../driver-errors';
import type { Identity } from '../labels';
import type { Transport } from '../transport';
import type { ArchivedLog } from './archive';
import { LogSender } from './log-sender';

const identity = { shortName: 'web.1', release: 'v1' } as Identity;

/** An engine that gives so many lines, and then breaks off. */
function brokenAfter(lines: number): Driver {
  async function* logs(): AsyncGenerator<readonly LogEntry[]> {
    yield Array.from({ length: lines }, (_, line) => ({
      stream: 'stdout',
      line: Buffer.from(`${line}`),
      timeNs: BigInt(line),
    }));
    throw new EngineUnavailable('the container engine does not answer');
  }
  return { logs } as unknown as Driver;
}

test('what has been kept of a container that is still there is not told twice', async () => {
  const log = (id: string): ArchivedLog => ({
    ...{ uid: 'u1', formation: 'shop', name: 'web-1-1', process: 'web', shortName: 'web.1', release: 'v1' },
    ...{ shortId: id, endedMs: 0 },
    async *read() {
      yield [{ stream: 'stdout', line: Buffer.from(`kept of ${id}`), timeNs: 1n }];
    },
  });
  async function* living(): AsyncGenerator<readonly LogEntry[]> {
    yield [{ stream: 'stdout', line: Buffer.from('living'), timeNs: 2n }];
  }
  const said: string[] = [];
  const sender = new LogSender({
    driver: { logs: living } as unknown as Driver,
    clock: new VirtualClock(),
    log: silentLogger,
    archive: { keep: async () => {}, find: async () => [log('c1'), log('0123456789ab')] },
    source: () => ({ identity, containerId: '0123456789abcdef', running: false, over: true }),
    changed: async () => {},
  });
  const transport: Transport = {
    async *session() {},
    async sendLogs(requests: AsyncIterable<SendLogsRequest>) {
      for await (const { lines } of requests) said.push(...lines.map(({ line }) => line.toString()));
    },
    async *attach() {},
    close() {},
  };
  const wanted = LogsWanted.fromPartial({ stream: 's1', uid: 'u1', formation: 'shop' });
  await sender.send(wanted, transport, new AbortController().signal);
  expect(said).toEqual(['kept of c1', 'living']);
});

test('an engine that breaks off while the reader is slow harms nobody', async () => {
  const lines: number[] = [];
  const transport: Transport = {
    async *session() {},
    async sendLogs(requests: AsyncIterable<SendLogsRequest>) {
      for await (const request of requests) {
        lines.push(request.lines.length);
        // As a transport that is full, for long enough that a rejection counts as nobody's: that fails the test.
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (request.lines.length > 0) return;
      }
    },
    async *attach() {},
    close() {},
  };
  const sender = new LogSender({
    driver: brokenAfter(512),
    clock: new VirtualClock(),
    log: silentLogger,
    source: () => ({ identity, containerId: 'c1', running: true, over: false }),
    changed: async () => {},
  });
  const wanted = LogsWanted.fromPartial({ stream: 's1', uid: 'u1' });
  await sender.send(wanted, transport, new AbortController().signal);
  expect(lines).toEqual([0, 512]);
});
