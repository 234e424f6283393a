import type { LogLine } from '../../../pkg/gen/gilliam/v1/log_service';

/**
 * Lines of several instances in the order of their times; those of one instance stay as they came. At most
 * `maxHeld` lines wait for others: with more, what is held is put in order, and the rest comes after it.
 */
export async function* logsInOrder(
  batches: AsyncIterable<readonly LogLine[]>,
  maxHeld = 200_000,
): AsyncGenerator<readonly LogLine[]> {
  let held: LogLine[] = [];
  for await (const batch of batches) {
    for (const line of batch) held.push(line);
    if (held.length < maxHeld) continue;
    yield inOrder(held);
    held = [];
  }
  if (held.length > 0) yield inOrder(held);
}

function inOrder(lines: readonly LogLine[]): readonly LogLine[] {
  const [first] = lines;
  if (lines.every(({ instance }) => instance === first?.instance)) return lines;
  const latest = new Map<string, number>();
  const timed = lines.map((line) => {
    // An instance's clock may have been set back.
    const timeMs = Math.max(line.time?.getTime() ?? 0, latest.get(line.instance) ?? 0);
    latest.set(line.instance, timeMs);
    return { line, timeMs };
  });
  return timed.sort((left, right) => left.timeMs - right.timeMs).map(({ line }) => line);
}
