import type { Action } from './scenario';

/** Whether the story still ends as badly; asked at most so many times. */
export type Fails = (actions: readonly Action[]) => Promise<boolean>;

/**
 * A short story that still fails: without what came after the violation, then without each run of actions, long ones
 * first, that it does not need. What is left out can change the course of all the rest, so it is the shortest that was
 * met, not the shortest there is.
 */
export async function shrink(
  actions: readonly Action[],
  fails: Fails,
  maxRuns = 60,
): Promise<readonly Action[]> {
  let kept = actions;
  let runs = 0;
  for (let length = Math.ceil(kept.length / 2); length >= 1 && runs < maxRuns; length = next(length)) {
    for (let start = 0; start < kept.length && runs < maxRuns;) {
      const shorter = [...kept.slice(0, start), ...kept.slice(start + length)];
      runs++;
      if (await fails(shorter)) kept = shorter;
      else start += length;
    }
  }
  return kept;
}

function next(length: number): number {
  return length === 1 ? 0 : Math.ceil(length / 2);
}
