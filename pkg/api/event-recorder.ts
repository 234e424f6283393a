import type { Clock } from '../base/clock';
import { ConflictError, ExistsError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { eventName, mergeEvent, type Happening } from '../resource/event';
import { events } from '../resource/objects';
import type { Store, Write } from '../store/store';

interface RecorderOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

// Beyond this something makes events faster than they can be kept: the oldest are worth most, the rest is dropped.
const maxWaiting = 10_000;
const maxBatch = 50;
const maxTries = 4;

/**
 * Writes down what happened, after the fact and for people: a happening that cannot be written is logged and
 * dropped, and never fails what it tells of.
 */
export class EventRecorder {
  readonly #options: RecorderOptions;
  #waiting: Happening[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  record(happening: Omit<Happening, 'at'> & { readonly at?: Date }): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#options.log.warn('event dropped', { reason: happening.reason, why: 'too many at a time' });
      return;
    }
    this.#waiting.push({ ...happening, at: happening.at ?? new Date(this.#options.clock.now()) });
    this.#writing ??= this.#begin();
  }

  /** Resolves once all that was recorded so far is written or dropped. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Between the last batch and the end of this more may come: it is not to wait for the next happening. */
  #begin(): Promise<void> {
    return this.#write().finally(() => {
      this.#writing = this.#waiting.length > 0 ? this.#begin() : undefined;
    });
  }

  async #write(): Promise<void> {
    // What comes in one turn goes into one batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch);
      try {
        await this.#writeBatch(batch);
      } catch (error) {
        this.#options.log.warn('events dropped', { count: batch.length, error: messageOf(error) });
      }
    }
  }

  async #writeBatch(batch: readonly Happening[]): Promise<void> {
    const byName = new Map<string, Happening[]>();
    for (const happening of batch) {
      const key = `${happening.formation}/${eventName(happening)}`;
      byName.set(key, [...(byName.get(key) ?? []), happening]);
    }
    for (let tries = 1; ; tries++) {
      try {
        await this.#tryBatch([...byName.values()]);
        return;
      } catch (error) {
        const lost = error instanceof ConflictError || error instanceof ExistsError;
        if (!lost || tries >= maxTries) throw error;
      }
    }
  }

  async #tryBatch(groups: readonly (readonly Happening[])[]): Promise<void> {
    const { store, random } = this.#options;
    const writes = await Promise.all(
      groups.map(async ([first, ...rest]): Promise<Write[]> => {
        if (!first) return [];
        const before = await store.get(events, { formation: first.formation, name: eventName(first) });
        const newUid = () => random.uuid();
        let object = mergeEvent(before, first, newUid);
        for (const happening of rest) object = mergeEvent(object, happening, newUid);
        return [{ op: before ? 'update' : 'create', kind: events, object }];
      }),
    );
    await store.commit(writes.flat());
  }
}
