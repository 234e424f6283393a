import { backoffMs } from '../base/backoff';
import { sleep } from '../base/clock';
import { ConflictError, ExistsError } from '../base/errors';
import type { ApiContext } from './api-context';

/** The object has changed since the revision that the caller named: only the caller can decide again. */
export class StaleRevisionError extends ConflictError {}

const maxTries = 12;
const pause = { startMs: 2, capMs: 100, jitter: 0.9 };

/**
 * Reads, decides and writes; again when somebody else wrote in between. `attempt` must read anew each time. Throws
 * ConflictError when it loses too often.
 */
export async function retryConflicts<T>(
  context: Pick<ApiContext, 'clock' | 'random'>,
  attempt: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      // A creation that comes second is a conflict too: the next attempt sees what is there.
      const lost = error instanceof ConflictError || error instanceof ExistsError;
      if (!lost || error instanceof StaleRevisionError) throw error;
      if (tries + 1 >= maxTries) {
        throw new ConflictError('others kept changing the same at the same time: try again', {
          cause: error,
        });
      }
      await sleep(context.clock, backoffMs(pause, tries, context.random), signal);
    }
  }
}

/** Throws StaleRevisionError unless the object is as the caller knows it. 0 asks for no check. */
export function checkRevision(what: string, wanted: bigint | undefined, found: bigint): void {
  if (!wanted || wanted === found) return;
  throw new StaleRevisionError(
    `${what} has changed since revision ${wanted}, it is at ${found}: read it again and decide again`,
  );
}
