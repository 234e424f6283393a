import { UsageError } from './errors';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `90s`, `5m`, `2h`, `1d`, `500ms`; throws UsageError. */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new UsageError(`${JSON.stringify(text)} is not a length of time: write 90s, 5m, 2h or 1d`);
  }
  return Number(digits) * (unitsMs[unit] ?? 0);
}

/** `90s` or `2m` from milliseconds, for messages. */
export function formatDuration(ms: number): string {
  return ms >= 60_000 && ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`;
}
