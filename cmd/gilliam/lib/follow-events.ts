import { sleep } from '../../../pkg/base/clock';
import { CompactedError, GilliamError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { Event } from '../../../pkg/gen/gilliam/v1/event';
import { Change_Type } from '../../../pkg/gen/gilliam/v1/watch_service';
import type { Context } from '../context';
import { listEvents } from './events';

const retryMs = 500;

export interface EventSelection {
  readonly parent: string;
  /** Only those of this object. */
  readonly about?: string;
  readonly afterRevision: bigint;
}

/** Events as they happen, after a list. A control plane that is away is waited for, and nothing is left out. */
export async function* followEvents(
  client: Client,
  selection: EventSelection,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
): AsyncGenerator<readonly Event[]> {
  const { parent, about } = selection;
  const seen = new LastSeen();
  let { afterRevision } = selection;
  for (;;) {
    try {
      const request = { parent, kinds: ['Event'], afterRevision };
      for await (const { changes, revision } of client.watch.watch(request, { signal })) {
        const events = changes.flatMap(({ type, object }) =>
          type === Change_Type.PUT && object?.$case === 'event' ? [object.value] : [],
        );
        const shown = events
          .filter((event) => !about || event.name === about)
          .filter((event) => seen.add(event));
        afterRevision = revision;
        if (shown.length > 0) yield shown;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof GilliamError)) throw error;
      if (error instanceof CompactedError) {
        const { items, last } = await listEvents(client, { parent, about }, signal);
        afterRevision = last.revision;
        const missed = items.filter((event) => seen.isAfter(event)).filter((event) => seen.add(event));
        if (missed.length > 0) yield missed;
      } else if (error.retryable) {
        await sleep(clock, retryMs, signal);
      } else throw error;
    }
  }
}

/** How far the events that were shown have come. */
class LastSeen {
  readonly #counts = new Map<string, number>();
  #time: Date | undefined;

  /** False for one that has been shown as it is. */
  add(event: Event): boolean {
    const uid = event.metadata?.uid ?? '';
    if (this.#counts.get(uid) === event.count) return false;
    this.#counts.set(uid, event.count);
    if (event.last && (!this.#time || event.last > this.#time)) this.#time = event.last;
    return true;
  }

  isAfter(event: Event): boolean {
    return !this.#time || (event.last !== undefined && event.last >= this.#time);
  }
}
