import type { IDuplexStream, IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import type { Clock } from '../../base/clock';
import { DisposableStore } from '../../base/disposable';
import { CompactedError, type GilliamError, UnavailableError } from '../../base/errors';
import { Signalled } from '../signalled';
import type { EtcdClient } from './etcd-client';
import { castError } from './etcd-errors';

/** Whole transactions, in order. */
export interface RawBatch {
  readonly events: readonly IEvent[];
  /** Every event up to this revision has been delivered. */
  readonly revision: bigint;
}

export interface WatchStreamOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly start: Buffer;
  readonly end: Buffer;
  /** Deliver what happened after this revision. */
  readonly after: bigint;
  /** How many events may wait for a slow consumer. */
  readonly maxQueued: number;
}

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;

const openMs = 5000;

/**
 * One watch over one stream of its own, up to the first trouble with it. Not etcd3's Watcher, which after a reconnect
 * goes on from the store's newest revision instead of that of the last event that it has seen.
 */
export class WatchStream {
  readonly #options: WatchStreamOptions;
  readonly #held = new DisposableStore();
  #queue: RawBatch[] = [];
  #queued = 0;
  #failure: GilliamError | undefined;
  readonly #changed = new Signalled();
  #stream: Stream | undefined;
  #after: bigint;
  #overlaps = false;
  #watchId: string | undefined;
  #began: bigint | undefined;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
    this.#after = options.after;
    const { client, clock } = options;
    this.#held.add(client.onReset(() => this.#fail(new UnavailableError('the connections were dropped'))));
    this.#held.add(
      clock.after(openMs, () => {
        if (this.#began !== undefined) return;
        client.reset();
        this.#fail(new UnavailableError(`etcd at ${client.endpoints} does not begin a watch`));
      }),
    );
    void this.#open();
  }

  /** Waits until the watch has begun: the store's revision then; undefined when the signal aborts. */
  async began(signal: AbortSignal): Promise<bigint | undefined> {
    while (this.#began === undefined && !this.#failure && !signal.aborted) await this.#changed.next(signal);
    if (signal.aborted) return undefined;
    if (this.#began === undefined) throw this.#failure as GilliamError;
    return this.#began;
  }

  /** What has come since the last call, or comes next; undefined when the signal aborts. Throws the trouble. */
  async next(signal: AbortSignal): Promise<RawBatch | undefined> {
    while (this.#queue.length === 0 && !this.#failure && !signal.aborted) await this.#changed.next(signal);
    if (signal.aborted) return undefined;
    if (this.#failure instanceof CompactedError || this.#queue.length === 0)
      throw this.#failure as GilliamError;
    const batches = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    return {
      events:
        batches.length === 1 ? (batches[0] as RawBatch).events : batches.flatMap((batch) => batch.events),
      revision: (batches.at(-1) as RawBatch).revision,
    };
  }

  dispose(): void {
    this.#held.dispose();
    this.#stream?.cancel();
    this.#failure ??= new UnavailableError('the watch has ended');
    this.#changed.signal();
  }

  async #open(): Promise<void> {
    const { client, after } = this.#options;
    try {
      const stream = await client.open((etcd) => etcd.watchClient.watch());
      this.#stream = stream;
      stream.on('error', (error) => this.#fail(castError(error, client.endpoints)));
      stream.on('end', () =>
        this.#fail(new UnavailableError(`etcd at ${client.endpoints} has ended a watch`)),
      );
      stream.on('data', (response) => this.#take(response));
      if (this.#failure) return stream.cancel();
      this.#create(after + 1n);
    } catch (error) {
      this.#fail(castError(error, client.endpoints));
    }
  }

  #create(startRevision: bigint): void {
    const { start, end } = this.#options;
    const request = {
      key: start,
      range_end: end,
      start_revision: startRevision.toString(),
      progress_notify: true,
    };
    this.#stream?.write({ create_request: request });
  }

  /**
   * When there are changes to catch up on, begins again one revision earlier, which is then skipped: if the revision
   * that is known already has been compacted, a deletion in the next one may have been too, and etcd would leave it out
   * without a word (etcd-io/etcd#18089). This way it says so. When there are none, etcd needs to look nothing up, and
   * begins 100 ms sooner.
   */
  #take(response: IWatchResponse): void {
    if (this.#failure) return;
    const revision = BigInt(response.header.revision);
    const known = this.#options.after;
    if (response.created && !response.canceled) {
      if (revision > known && known > 0n && !this.#overlaps) {
        this.#overlaps = true;
        this.#stream?.write({ cancel_request: { watch_id: response.watch_id } });
        return this.#create(known);
      }
      this.#watchId = response.watch_id;
      this.#began = revision;
      this.#changed.signal();
      return;
    }
    if (!response.created && response.watch_id !== this.#watchId) return;
    if (response.canceled) return this.#fail(cancellation(response));
    const events = response.events.filter((event) => BigInt(event.kv.mod_revision) > known);
    const last = events.at(-1);
    // Without events it is how far the watch has come; with events the header may be far ahead of them.
    const reached = last
      ? BigInt(last.kv.mod_revision)
      : response.events.length === 0
        ? revision
        : this.#after;
    if (reached <= this.#after) return;
    this.#after = reached;
    const { maxQueued } = this.#options;
    // However large, what comes to a consumer that waits for it is not too much.
    if (this.#queued > 0 && this.#queued + events.length > maxQueued)
      return this.#fail(new CompactedError(`the watch is more than ${maxQueued} changes behind: list again`));
    this.#queue.push({ events, revision: reached });
    this.#queued += events.length;
    this.#changed.signal();
  }

  #fail(failure: GilliamError): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.dispose();
  }
}

function cancellation(response: IWatchResponse): CompactedError {
  if (response.compact_revision !== '0')
    return new CompactedError(`only revisions from ${response.compact_revision} on are kept: list again`);
  return new CompactedError(`etcd has ended the watch (${response.cancel_reason}): list again`);
}
