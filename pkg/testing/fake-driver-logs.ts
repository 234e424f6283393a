import type { LogEntry, LogOptions } from '../agent/driver';
import { Waker } from '../agent/waker';
import type { Clock } from '../base/clock';
import type { FakeContainer } from './fake-driver-container';

/** What a container has printed and, where wished, prints until it ends. */
export async function* logsOf(
  container: FakeContainer,
  options: LogOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<readonly LogEntry[]> {
  const since = container.logs.filter(({ timeNs }) => timeNs >= (options.sinceNs ?? 0n));
  let next = container.logs.length - Math.min(since.length, options.tailLines ?? since.length);
  const waker = new Waker();
  const wake = () => waker.wake();
  container.changed.add(wake);
  try {
    while (!signal.aborted) {
      const entry = container.logs[next];
      if (entry) {
        const entries = container.logs.slice(next);
        next += entries.length;
        yield entries;
      } else if (!options.follow || container.state !== 'running') return;
      else await waker.wait(clock, undefined, signal);
    }
  } finally {
    container.changed.delete(wake);
  }
}
