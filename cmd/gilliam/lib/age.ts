const unitsMs = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** How long ago: `just now`, `12 seconds ago`, `2 minutes ago`. Clocks differ: the future is now, too. */
export function age(time: Date | undefined, nowMs: number): string {
  if (!time) return 'unknown';
  const passedMs = nowMs - time.getTime();
  if (passedMs < 5000) return 'just now';
  for (const [unit, unitMs] of unitsMs) {
    const count = Math.floor(passedMs / unitMs);
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}
