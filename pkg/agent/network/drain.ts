import { backoffMs } from '../../base/backoff';
import type { Clock } from '../../base/clock';
import { deadline, sleep } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Random } from '../../base/random';
import type { EntryKey } from '../../registry/types';
import type { ServiceNetwork } from './service-network';

const backoff = { startMs: 100, capMs: 1_000, jitter: 0.2 } as const;
/** A network daemon that does not answer is being started again; it is not waited for for ever. */
const patienceMs = 5_000;
/** The answer's own way, beyond what is waited for there. */
const slackMs = 2_000;

export type DrainOutcome =
  /** `missing`: who has not confirmed in time, `<executor>/<follower>`. */
  | { readonly kind: 'answered'; readonly missing: readonly string[] }
  /** The network daemon does not answer. */
  | { readonly kind: 'silent'; readonly message: string };

/**
 * Takes an announcement back and waits until nobody sends anything there any more: `waitMs` at most, and a few seconds
 * more where the daemon is away. Throws only when the signal aborts.
 */
export async function drain(
  network: Pick<ServiceNetwork, 'withdraw'>,
  key: EntryKey,
  waitMs: number,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  signal: AbortSignal,
): Promise<DrainOutcome> {
  const beganMs = clock.monotonic();
  let silentSinceMs: number | undefined;
  for (let failures = 0; ; failures++) {
    const leftMs = Math.max(0, beganMs + waitMs - clock.monotonic());
    const limit = deadline(clock, leftMs + slackMs, signal);
    try {
      const { missing } = await network.withdraw(key, leftMs, limit.signal);
      return { kind: 'answered', missing };
    } catch (error) {
      signal.throwIfAborted();
      const now = clock.monotonic();
      silentSinceMs ??= now;
      const untilMs = Math.min(silentSinceMs, beganMs + waitMs) + patienceMs;
      if (now >= untilMs) return { kind: 'silent', message: messageOf(error) };
      await sleep(clock, Math.min(backoffMs(backoff, failures, random), untilMs - now), signal);
    } finally {
      limit.dispose();
    }
  }
}
