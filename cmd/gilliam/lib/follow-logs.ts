import { backoffMs } from '../../../pkg/base/backoff';
import { sleep } from '../../../pkg/base/clock';
import { UnavailableError } from '../../../pkg/base/errors';
import type { StreamLogsRequest } from '../../../pkg/gen/gilliam/v1/log_service';
import type { DeepPartial } from '../../../pkg/gen/gilliam/v1/metadata';
import type { LogBatch } from '../../../pkg/resource/log-chunk';
import type { Context } from '../context';
import { LogCursor } from './log-cursor';

const retry = { startMs: 200, capMs: 2_000, jitter: 0.5 };

type Request = DeepPartial<StreamLogsRequest>;

/**
 * Follows logs until the signal aborts, through whatever becomes of the control plane: when it is back, or another one
 * answers, from where they broke off. `onLost` is told of each time that they do. Throws what there is to say against the
 * first try.
 */
export async function* followLogs(
  open: (request: Request) => AsyncIterable<LogBatch>,
  request: Request,
  { clock, random, signal }: Pick<Context, 'clock' | 'random' | 'signal'>,
  onLost: () => void,
): AsyncGenerator<LogBatch> {
  const cursor = new LogCursor(clock.now());
  let next = request;
  let stands = false;
  for (let failures = 0; ; failures++) {
    try {
      for await (const batch of open(next)) {
        stands = true;
        failures = 0;
        yield cursor.fresh(batch);
      }
      return;
    } catch (error) {
      if (!(error instanceof UnavailableError) || !stands || signal.aborted) throw error;
      if (failures === 0) onLost();
      // Also what was printed by those that have ended meanwhile.
      next = { ...request, tailLines: undefined, since: cursor.resume(), showFinished: true };
      await sleep(clock, backoffMs(retry, failures, random), signal);
    }
  }
}
