import { parseDuration } from './duration';
import { UsageError } from './errors';

/** The moment of `5m` (so long ago) or `2026-01-31T08:00:00Z`; without a zone, as the clocks here say. Throws UsageError. */
export function parseMoment(text: string, nowMs: number): Date {
  if (/^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text)) {
    const moment = new Date(text);
    if (!Number.isNaN(moment.getTime())) return moment;
    throw new UsageError(`${JSON.stringify(text)} is no moment: there is no such day or time`);
  }
  return new Date(nowMs - parseDuration(text));
}
