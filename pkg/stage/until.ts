import { type Clock, sleep } from '../base/clock';

const pollMs = 100;

/** Asks until there is an answer; undefined when there is none in time. */
export async function until<T>(
  clock: Clock,
  deadlineMs: number,
  signal: AbortSignal,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const endMs = clock.monotonic() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || clock.monotonic() >= endMs) return answer;
    await sleep(clock, pollMs, signal);
  }
}
