import { UsageError } from './errors';

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds between two of `2/s`, `30/m`, `10/h`; throws UsageError. */
export function parseRate(text: string): number {
  const [, count, unit] = /^(\d{1,6}(?:\.\d{1,3})?)\/(s|m|h)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined || Number(count) === 0) {
    throw new UsageError(`${JSON.stringify(text)} is not a rate: write 2/s, 30/m or 10/h`);
  }
  return Math.max(1, Math.round((unitsMs[unit] ?? 0) / Number(count)));
}
