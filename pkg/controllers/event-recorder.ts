import { backoffMs } from '../base/backoff';
import { sleep } from '../base/clock';
import type { Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Writer } from '../reconcile/writer';
import { eventName, mergeEvent } from '../resource/event';
import type { Happening } from '../resource/event';
import { events } from '../resource/objects';
import { FencedError } from '../store/errors';
import type { ObjectKey, Store, Write } from '../store/store';

/** What controllers tell people through. Neither blocks nor fails: an event is worth less than what it tells of. */
export interface Events {
  record(happening: Omit<Happening, 'at'>): void;
}

export interface EventRecorderOptions {
  readonly store: Pick<Store, 'get'>;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How many happenings wait to be written at most; more are left out. Default 5,000. */
  readonly capacity?: number;
}

/** How long happenings are gathered before they are written together. */
const GATHER_MS = 100;
/** How many events are read and written at once. */
const BATCH = 64;
const retry = { startMs: 200, capMs: 10_000, jitter: 0.5 };

/** Gathers happenings and counts them into events, in the background. */
export class EventRecorder implements Events {
  readonly #options: EventRecorderOptions;
  /** By event, in the order of the first happening; never more than `capacity` happenings together. */
  readonly #waiting = new Map<string, { readonly key: ObjectKey; readonly happenings: Happening[] }>();
  #count = 0;
  #leftOut = 0;
  #wake = () => {};

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(what: Omit<Happening, 'at'>): void {
    const { clock, capacity = 5_000 } = this.#options;
    if (this.#count >= capacity) {
      this.#leftOut++;
      return;
    }
    const happening = { ...what, at: new Date(clock.now()) };
    const key = { formation: what.formation, name: eventName(what) };
    const id = `${key.formation}/${key.name}`;
    const entry = this.#waiting.get(id) ?? { key, happenings: [] };
    entry.happenings.push(happening);
    this.#waiting.set(id, entry);
    this.#count++;
    this.#wake();
  }

  /** Writes until the signal aborts; throws FencedError when the leadership is over. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const ended = () => this.#wake();
    signal.addEventListener('abort', ended, { once: true });
    let failures = 0;
    while (!signal.aborted) {
      if (this.#waiting.size === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      const pauseMs = failures > 0 ? backoffMs(retry, failures - 1, random) : GATHER_MS;
      await sleep(clock, pauseMs, signal).catch(() => undefined);
      try {
        while (!signal.aborted && this.#waiting.size > 0) await this.#flush(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof FencedError) throw error;
        failures++;
        log.info('events are written later', { error: messageOf(error), waiting: this.#count });
      }
      if (this.#leftOut > 0) log.warn('events were left out', { count: this.#leftOut });
      this.#leftOut = 0;
    }
    signal.removeEventListener('abort', ended);
  }

  /** Writes some of what waits. What could not be written waits on; what was written by others first is read again. */
  async #flush(signal: AbortSignal): Promise<void> {
    const { store, writer, random } = this.#options;
    const batch = [...this.#waiting].slice(0, BATCH);
    const counts = batch.map(([, { happenings }]) => happenings.length);
    const writes = await Promise.all(
      batch.map(async ([, { key, happenings }]): Promise<Write> => {
        const before = await store.get(events, key, signal);
        const object = happenings.reduce(
          (event, happening) => mergeEvent(event, happening, () => random.uuid()),
          before,
        );
        if (!object) throw new Error('an event of nothing');
        return { op: before ? 'update' : 'create', kind: events, object };
      }),
    );
    const refused = new Set((await writer.commitEach(writes, [], signal)).map(({ write }) => write));
    batch.forEach(([id, { happenings }], index) => {
      if (refused.has(writes[index] as Write)) return;
      // More of the same may have come while it was written.
      happenings.splice(0, counts[index]);
      this.#count -= counts[index] ?? 0;
      if (happenings.length === 0) this.#waiting.delete(id);
    });
  }
}
