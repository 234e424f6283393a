import { Cron } from 'croner';
import { InvalidError } from '../base/errors';
import { quote } from './names';
import type { NumberField } from './schedule-field';
import { canonicalField, valuesOf } from './schedule-field';
import { nearest } from './suggest';

/**
 * When a cron job is due. In the hour that a zone leaves out in spring, a time of day (`30 2 * * *`) is due at once when
 * the clock has been put forward; in the hour that it has twice in autumn, the first time only. Steps and wildcards
 * (every ten minutes) follow the time that passes.
 */
export interface Schedule {
  /** The first time after `after` that is due; undefined past the year 9999. */
  next(after: Date): Date | undefined;
}

/** What is wrong with a schedule: one line, and of which field of a CronJobSpec. */
export interface ScheduleFault {
  readonly field: 'schedule' | 'time_zone';
  readonly description: string;
}

const fields: readonly NumberField[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of month', least: 1, most: 31 },
  {
    name: 'month',
    least: 1,
    most: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { name: 'day of week', least: 0, most: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] },
];

const nicknames: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const maxLength = 256;
/** Where a job says nothing. */
const DEFAULT_TIME_ZONE = 'UTC';

/** Reads five fields, or `@daily` and the like, in a time zone of the IANA's; an empty zone is UTC. Throws InvalidError. */
export function parseSchedule(text: string, timeZone = ''): Schedule {
  const read = readSchedule(text, timeZone);
  if ('next' in read) return read;
  throw new InvalidError(read.description, [read]);
}

/** As parseSchedule; gives back what is wrong instead of throwing it. */
export function readSchedule(text: string, timeZone = ''): Schedule | ScheduleFault {
  const description = zoneFault(timeZone);
  if (description !== undefined) return { field: 'time_zone', description };
  const canonical = canonicalSchedule(text);
  if (typeof canonical !== 'string') return canonical;
  const cron = new Cron(canonical, {
    mode: '5-part',
    timezone: timeZone || DEFAULT_TIME_ZONE,
    paused: true,
  });
  return { next: (after) => cron.nextRun(after) ?? undefined };
}

/** The five fields in numbers; or what is wrong with them. */
function canonicalSchedule(text: string): string | ScheduleFault {
  const fault = (why: string): ScheduleFault => ({
    field: 'schedule',
    description: `schedule ${quote(text)} ${why}`,
  });
  if (text.length > maxLength) return fault(`is longer than ${maxLength} characters`);
  const nickname = text.trim().toLowerCase();
  if (nickname.startsWith('@')) {
    const meant = nearest(nickname, Object.keys(nicknames)) ?? '@daily';
    return nicknames[nickname] ?? fault(`is not known: did you mean ${meant}?`);
  }
  const parts = text.trim() === '' ? [] : text.trim().split(/\s+/);
  if (parts.length !== fields.length) {
    const given = parts.length === 1 ? '1 field' : `${parts.length} fields`;
    return fault(
      `has ${given}: give five (minute, hour, day of month, month, day of week), such as 30 2 * * *, or @daily`,
    );
  }
  const canonical: string[] = [];
  for (const [index, field] of fields.entries()) {
    const read = canonicalField(field, parts[index] ?? '');
    if ('fault' in read) return fault(read.fault);
    canonical.push(read.text);
  }
  const [, , days = '*', months = '*', weekdays = '*'] = canonical;
  // Where both kinds of days are given, either is enough.
  if (weekdays === '*' && !isEver(valuesOf(days, 31), valuesOf(months, 12))) {
    return fault(`never fires: no month that it names has such a day`);
  }
  return canonical.join(' ');
}

function isEver(days: readonly number[], months: readonly number[]): boolean {
  return months.some((month) => days.some((day) => day <= (daysOfMonth[month - 1] ?? 0)));
}

function zoneFault(timeZone: string): string | undefined {
  if (timeZone === '') return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return undefined;
  } catch {
    const meant = nearest(timeZone, Intl.supportedValuesOf('timeZone')) ?? 'Europe/Stockholm';
    return `time zone ${quote(timeZone)} is not known: give one of the IANA's, such as ${meant}`;
  }
}
