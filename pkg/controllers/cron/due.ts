import type { Schedule } from '../../resource/schedule';

/** What has become due. */
export interface Due {
  /** The newest that is young enough to be run. */
  readonly run?: Date;
  /** Whether some were not: too old, or followed by a newer one. */
  readonly missed: boolean;
  /** The newest of all: dealt with, whichever way. */
  readonly last: Date;
}

/**
 * What has become due from `next`, which is the first, to `now`. The last run that was missed is made up for if it is
 * younger than `catchUpMs`; those before it are not. However long nobody has looked, only that last stretch is gone
 * through: `next` itself stands for all that is older.
 */
export function whatIsDue(schedule: Schedule, next: Date, now: Date, catchUpMs: number): Due | undefined {
  if (next > now) return undefined;
  // The moment before the window, so that what was due at its very beginning is in it.
  const before = new Date(Math.max(next.getTime(), now.getTime() - catchUpMs) - 1);
  let run: Date | undefined;
  let count = 0;
  for (let at = schedule.next(before); at && at <= now; at = schedule.next(at)) {
    run = at;
    count++;
  }
  const missed = count > 1 || run === undefined || before >= next;
  return run ? { run, missed, last: run } : { missed, last: next };
}
