import { backoffMs } from '../../base/backoff';
import { sleep, type Clock } from '../../base/clock';
import { ConflictError, UnavailableError } from '../../base/errors';
import type { Random } from '../../base/random';
import type { CacheReader } from '../../reconcile/cache';
import { instances, type Instance } from '../../resource/objects';
import type { Guard, Store, Write } from '../../store/store';
import { applyReport, type StatusReport } from './apply-report';

/** The session that a report came by. */
export interface ReportingSession {
  /** Holds as long as the session is the executor's newest. */
  guard(): Guard;
  /** Makes sure of it after a refused guard. Throws when there is a newer session. */
  confirm(signal: AbortSignal): Promise<void>;
}

interface Item {
  readonly report: StatusReport;
  readonly session: ReportingSession;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

// A transaction takes 100 writes and guards: with one guard a session, half of it may be guards.
const maxBatch = 50;
const maxInFlight = 4;
const maxTries = 10;
const pause = { startMs: 2, capMs: 200, jitter: 0.5 };

/**
 * Writes reports of all executors to the store. What arrives while a transaction is under way goes into the next one,
 * so that a thousand executors cost a few transactions at a time. A transaction that is refused, because one instance
 * or one session has changed, is taken apart: each report is then decided on the newest instance by itself.
 */
export class ReportWriter {
  #waiting: Item[] = [];
  #inFlight = 0;
  #scheduled = false;
  readonly #busy = new Set<string>();
  /** What was written and has not come back through the cache yet. */
  readonly #written = new Map<string, Instance>();
  readonly #subscription: { dispose(): void };

  constructor(
    private readonly options: {
      readonly store: Pick<Store, 'get' | 'commit'>;
      readonly cache: Pick<CacheReader<Instance>, 'get' | 'onChange' | 'revision'>;
      readonly clock: Clock;
      readonly random: Random;
    },
  ) {
    this.#subscription = options.cache.onChange(({ formation, name }, after) => {
      const key = `${formation}/${name}`;
      const written = this.#written.get(key);
      if (written && (!after || after.metadata.revision >= written.metadata.revision))
        this.#written.delete(key);
    });
  }

  /** Resolves once the report is in the store, or is found to change nothing. */
  write(report: StatusReport, session: ReportingSession, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = `${report.formation}/${report.name}`;
      this.#waiting.push({ report, session, key, signal, resolve, reject });
      // All reports of a message are here before the first transaction is made.
      if (this.#scheduled) return;
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  #pump(): void {
    while (this.#inFlight < maxInFlight) {
      const batch = this.#take();
      if (batch.length === 0) return;
      this.#inFlight++;
      void this.#commit(batch).finally(() => {
        this.#inFlight--;
        for (const { key } of batch) this.#busy.delete(key);
        this.#pump();
      });
    }
  }

  /** The next reports, at most one an instance: each is decided on the one before. */
  #take(): Item[] {
    const batch: Item[] = [];
    const rest: Item[] = [];
    for (const item of this.#waiting) {
      if (batch.length >= maxBatch || this.#busy.has(item.key)) {
        rest.push(item);
        continue;
      }
      this.#busy.add(item.key);
      batch.push(item);
    }
    this.#waiting = rest;
    return batch;
  }

  async #commit(batch: readonly Item[]): Promise<void> {
    const planned = batch.map((item) => ({ item, next: this.#plan(item, this.#newest(item)) }));
    for (const { item, next } of planned) if (!next) item.resolve();
    const changes = planned.filter((each): each is Planned => each.next !== undefined);
    if (changes.length === 0) return;
    try {
      await this.#write(changes);
      for (const { item } of changes) item.resolve();
    } catch (error) {
      if (error instanceof ConflictError) await Promise.all(changes.map(({ item }) => this.#alone(item)));
      else for (const { item } of changes) item.reject(error as Error);
    }
  }

  async #alone(item: Item): Promise<void> {
    const { store, clock, random } = this.options;
    const { formation, name } = item.report;
    try {
      for (let tries = 0; ; tries++) {
        const before = await store.get(instances, { formation, name }, item.signal);
        const next = this.#plan(item, before);
        if (!next) return item.resolve();
        try {
          await this.#write([{ item, next }]);
          return item.resolve();
        } catch (error) {
          if (!(error instanceof ConflictError) || tries >= maxTries) throw error;
          await item.session.confirm(item.signal);
          await sleep(clock, backoffMs(pause, tries, random), item.signal);
        }
      }
    } catch (error) {
      // Too many lost races are no reason for the executor to give up its session: the report is written later.
      item.reject(
        error instanceof ConflictError && !item.signal.aborted
          ? new UnavailableError('the instance kept changing', { cause: error })
          : (error as Error),
      );
    }
  }

  async #write(changes: readonly Planned[]): Promise<void> {
    const writes = changes.map(({ next }): Write => ({ op: 'update', kind: instances, object: next }));
    const guards = [...new Set(changes.map(({ item }) => item.session))].map((session) => session.guard());
    const revision = await this.options.store.commit(writes, guards);
    // The cache shows it already, or even its deletion: nothing will come that it could be forgotten for.
    if (this.options.cache.revision >= revision) return;
    for (const { item, next } of changes) {
      this.#written.set(item.key, { ...next, metadata: { ...next.metadata, revision } });
    }
  }

  #plan({ report }: Item, before: Instance | undefined): Instance | undefined {
    return before && applyReport(before, report, new Date(this.options.clock.now()));
  }

  #newest({ key, report }: Item): Instance | undefined {
    const cached = this.options.cache.get({ formation: report.formation, name: report.name });
    const written = this.#written.get(key);
    if (!cached || !written) return cached ?? written;
    return written.metadata.revision > cached.metadata.revision ? written : cached;
  }
}

interface Planned {
  readonly item: Item;
  readonly next: Instance;
}
