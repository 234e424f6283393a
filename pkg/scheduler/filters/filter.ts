import type { Demand } from '../demand';
import type { ExecutorLoad } from '../executor-load';

/** One reason why an executor may not take an instance. Each filter explains its own refusals. */
export interface Filter {
  /** As in the API's Clause: `memory`, or the text of a requirement. */
  readonly clause: string;
  passes(load: ExecutorLoad, demand: Demand): boolean;
  /** Why it passes, or does not, with the values: `needs 512 MiB, 300 MiB of 2 GiB is free`. */
  explain(load: ExecutorLoad, demand: Demand): string;
  /** The refusals of several executors in a few words: `2 too little memory (needs 512 MiB, at most 300 MiB free)`. */
  summarize(refused: readonly ExecutorLoad[], demand: Demand): string;
}

/** `2 lost, 1 joining`: how many of the refused each word fits, the most frequent first. */
export function countWords(
  refused: readonly ExecutorLoad[],
  wordFor: (load: ExecutorLoad) => string,
): string {
  const counts = new Map<string, number>();
  for (const load of refused) counts.set(wordFor(load), (counts.get(wordFor(load)) ?? 0) + 1);
  const sorted = [...counts].sort(([left, many], [right, more]) => more - many || (left < right ? -1 : 1));
  return sorted.map(([word, count]) => `${count} ${word}`).join(', ');
}
