import type { LogEntry } from '../driver';

/** Which lines of an instance are wanted. Times are nanoseconds since 1970. */
export interface LineChoice {
  readonly sinceNs?: bigint;
  /** Only lines before it. */
  readonly untilNs?: bigint;
  /** Only lines with this in them. */
  readonly contains?: Buffer;
}

/** Those of the lines that are wanted; the same array where all are. */
export function choose(
  entries: readonly LogEntry[],
  { sinceNs, untilNs, contains }: LineChoice,
): readonly LogEntry[] {
  if (sinceNs === undefined && untilNs === undefined && contains === undefined) return entries;
  return entries.filter(
    ({ timeNs, line }) =>
      (sinceNs === undefined || timeNs >= sinceNs) &&
      (untilNs === undefined || timeNs < untilNs) &&
      (contains === undefined || line.includes(contains)),
  );
}

/** The last `count` of all lines; no more than those are ever held. */
export async function lastOf(
  batches: AsyncIterable<readonly LogEntry[]>,
  count: number,
): Promise<readonly LogEntry[]> {
  let held: LogEntry[] = [];
  for await (const batch of batches) {
    // Copies: each line is a piece of much more that was read with it.
    for (const entry of batch) held.push({ ...entry, line: Buffer.from(entry.line) });
    // Not with each line: cutting costs as much as holding twice as many.
    if (held.length > 2 * count + 1_000) held = held.slice(-count);
  }
  return count === 0 ? [] : held.slice(-count);
}
