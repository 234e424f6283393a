import { sleep } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { executors, sessions, type Session } from '../../resource/objects';
import type { ApiContext } from '../api-context';

/** Between two tries while an executor's session moves from one control plane to another. */
const againMs = 200;

/** Thrown by a try after which nothing has begun at the executor: it may be made again, elsewhere. */
export class NothingBegun extends Error {
  override readonly name = 'NothingBegun';
}

/**
 * Tries to reach an executor by the control plane that holds its session. Where that one is gone, or holds it no more,
 * again with the next one, for as long as an executor may take to answer. Throws UnavailableError, and whatever else
 * `attempt` throws.
 */
export async function reach<T>(
  context: Pick<ApiContext, 'caches' | 'clock' | 'limits'>,
  executor: string,
  attempt: (session: Session) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { caches, clock, limits } = context;
  let failed: { readonly why: string; readonly sinceMs: number } | undefined;
  for (;;) {
    const session = caches.of(sessions).get({ formation: '', name: executor });
    if (session) {
      try {
        return await attempt(session);
      } catch (error) {
        if (!(error instanceof NothingBegun)) throw error;
        failed = { why: error.message, sinceMs: failed?.sinceMs ?? clock.monotonic() };
      }
    }
    if (!session) {
      // One that was lost just now, as with a control plane that is replaced: the executor connects to the next.
      if (isAway(context, executor)) throw new UnavailableError(`executor ${executor} is not connected`);
      failed ??= { why: 'its session has just ended', sinceMs: clock.monotonic() };
    }
    if (failed && clock.monotonic() - failed.sinceMs >= limits.logsWithinMs) {
      throw new UnavailableError(
        `executor ${executor} cannot be reached through a control plane that it is connected to (${failed.why})`,
      );
    }
    await sleep(clock, againMs, signal);
  }
}

/** Whether it has had no session for longer than it takes to connect again. */
function isAway(
  { caches, clock, limits }: Pick<ApiContext, 'caches' | 'clock' | 'limits'>,
  name: string,
): boolean {
  const executor = caches.of(executors).get({ formation: '', name });
  if (!executor) return true;
  const { state, changed } = executor.status;
  const gone = state === ExecutorState.DISCONNECTED || state === ExecutorState.LOST;
  return gone && clock.now() - (changed?.getTime() ?? 0) > limits.logsWithinMs;
}
