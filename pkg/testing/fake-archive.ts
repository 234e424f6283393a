import type { LogEntry } from '../agent/driver';
import type { ArchivedInstance, ArchivedLog, ArchiveQuery, LogArchive } from '../agent/logs/archive';
import { matchesQuery, shortId } from '../agent/logs/archive';
import type { Clock } from '../base/clock';

/** An archive in memory, as large as it gets. */
export class FakeArchive implements LogArchive {
  readonly #clock: Clock;
  readonly #kept = new Map<string, ArchivedLog>();
  /** Thrown by the next `keep`. */
  failure: Error | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async keep(
    instance: ArchivedInstance,
    containerId: string,
    batches: AsyncIterable<readonly LogEntry[]>,
  ): Promise<void> {
    if (this.failure) throw this.failure;
    const entries: LogEntry[] = [];
    for await (const batch of batches) entries.push(...batch);
    async function* read(): AsyncGenerator<readonly LogEntry[]> {
      yield entries;
    }
    this.#kept.set(`${instance.uid} ${containerId}`, {
      ...{ ...instance, shortId: shortId(containerId) },
      ...{ endedMs: this.#clock.now(), read },
    });
  }

  async find(query: ArchiveQuery): Promise<readonly ArchivedLog[]> {
    return [...this.#kept.values()].filter((log) => matchesQuery(log, query));
  }
}
