import { backoffMs } from '../../base/backoff';
import { type Clock, sleep } from '../../base/clock';
import { CompactedError, UnavailableError } from '../../base/errors';
import type { Random } from '../../base/random';
import type { EtcdClient } from './etcd-client';
import { type RawBatch, WatchStream } from './watch-stream';

export interface EtcdWatchOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly start: Buffer;
  readonly end: Buffer;
  readonly after: bigint;
  readonly maxQueued: number;
}

const backoff = { startMs: 50, capMs: 1000, jitter: 0.3 };

/**
 * Every event after a revision, once and in order, over as many streams as it takes, until the signal aborts. Throws
 * CompactedError when some may have been missed.
 */
export async function* watchRange(options: EtcdWatchOptions, signal: AbortSignal): AsyncGenerator<RawBatch> {
  const { clock, random } = options;
  let { after } = options;
  let failures = 0;
  while (!signal.aborted) {
    const stream = new WatchStream({ ...options, after });
    try {
      const began = await stream.began(signal);
      if (began !== undefined && began < after) await refuseAnotherHistory(options, after, signal);
      for (let batch = await stream.next(signal); batch; batch = await stream.next(signal)) {
        failures = 0;
        after = batch.revision;
        yield batch;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UnavailableError)) throw error;
    } finally {
      stream.dispose();
    }
    if (!signal.aborted) await sleep(clock, backoffMs(backoff, failures++, random), signal).catch(() => {});
  }
}

/**
 * The member on which the watch began has not come as far as the watch: it lags behind the others, or etcd was
 * restored from a backup, and would deliver nothing until it has come so far again.
 */
async function refuseAnotherHistory(
  { client, start }: EtcdWatchOptions,
  after: bigint,
  signal: AbortSignal,
): Promise<void> {
  const request = { key: start, count_only: true };
  const { header } = await client.call((etcd, options) => etcd.kv.range(request, options), {
    signal,
    repeatable: true,
  });
  if (BigInt(header.revision) < after)
    throw new CompactedError(
      `revision ${after} is none of this store, which is at ${header.revision}: list again`,
    );
}
