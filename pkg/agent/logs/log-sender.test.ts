import { silentLogger } from '../../base/log';
import { LogsWanted, type SendLogsRequest } from '../../gen/gilliam/v1/session_service';
import { VirtualClock } from '../../testing/virtual-clock';
import type { Driver, LogEntry } from '../driver';
import { EngineUnavailable } from '../driver-errors';
import type { Identity } from '../labels';
import type { Transport } from '../transport';
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
