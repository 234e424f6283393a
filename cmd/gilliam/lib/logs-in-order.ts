import type { LogLine } from '../../../pkg/gen/gilliam/v1/log_service';
import { countOf, linesOf, type LogBatch } from '../../../pkg/resource/log-chunk';

/**
 * Lines of several instances in the order of their times; those of one instance stay as they came. At most
 * `maxHeld` lines wait for others: with more, what is held is put in order, and the rest comes after it.
 */
export async function* logsInOrder(
  batches: AsyncIterable<LogBatch>,
  maxHeld = 200_000,
): AsyncGenerator<LogBatch> {
  let held: LogBatch[] = [];
  let count = 0;
  for await (const batch of batches) {
    held.push(batch);
    count += countOf(batch);
    if (count < maxHeld) continue;
    yield* ordered(held);
    held = [];
    count = 0;
  }
  yield* ordered(held);
}

function* ordered(batches: readonly LogBatch[]): Generator<LogBatch> {
  const instances = new Set(
    batches.flatMap(({ lines, chunk }) => chunk?.instance ?? lines.map(({ instance }) => instance)),
  );
  if (instances.size <= 1) yield* batches;
  else yield { lines: inOrder(batches.flatMap((batch) => linesOf(batch))) };
}

function inOrder(lines: readonly LogLine[]): readonly LogLine[] {
  const latest = new Map<string, number>();
  const timed = lines.map((line) => {
    // An instance's clock may have been set back.
    const timeMs = Math.max(line.time?.getTime() ?? 0, latest.get(line.instance) ?? 0);
    latest.set(line.instance, timeMs);
    return { line, timeMs };
  });
  return timed.sort((left, right) => left.timeMs - right.timeMs).map(({ line }) => line);
}
