import type { CronJob } from '../../../pkg/gen/gilliam/v1/cron_job';
import { age } from './age';

export const cronHeading = ['JOB', 'SCHEDULE', 'NEXT', 'LAST', 'COMMAND'] as const;

/** A job's line. */
export function cronCells({ metadata, spec, status }: CronJob, nowMs: number): string[] {
  const zone = spec?.timeZone ? ` ${spec.timeZone}` : '';
  return [
    metadata?.name ?? '',
    `${spec?.schedule ?? ''}${zone}`,
    spec?.suspended ? 'suspended' : next(status?.nextDue, nowMs),
    status?.lastReason ? last(status.lastReason, status.lastMessage, status.lastDue, nowMs) : 'never',
    spec?.command.join(' ') ?? '',
  ];
}

function last(reason: string, message: string, due: Date | undefined, nowMs: number): string {
  const when = due ? ` ${age(due, nowMs)}` : '';
  return `${reason.toLowerCase()}${when}${reason === 'Failed' ? ` (${message})` : ''}`;
}

/** `in 12 minutes`: as age, the other way round. */
function next(due: Date | undefined, nowMs: number): string {
  if (!due) return 'soon';
  const passed = age(new Date(2 * nowMs - due.getTime()), nowMs);
  return passed === 'just now' ? 'now' : `in ${passed.replace(/ ago$/, '')}`;
}
