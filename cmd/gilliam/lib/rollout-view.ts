import { type Rollout, RolloutPhase } from '../../../pkg/gen/gilliam/v1/rollout';
import { formatFactors } from './factors';

/** What a rollout that is under way is at, in one line; undefined for one that has ended. */
export function rolloutLine({ spec, status }: Rollout): string | undefined {
  if (!status || !spec) return undefined;
  const { phase, message } = status;
  switch (phase) {
    case RolloutPhase.PROGRESSING:
      return message === '' ? `rollout to ${spec.to} begins` : `rollout to ${spec.to}: ${message}`;
    case RolloutPhase.PAUSED:
      return `rollout to ${spec.to} is at its canary: ${message}`;
    case RolloutPhase.ABORTING:
      return `rollout to ${spec.to} is taken back: ${message}${waitingText(status)}`;
    default:
      return undefined;
  }
}

/** `; waits: web: 2 of 4 of v1 are ready`; empty while it gets on. */
export function waitingText({ waiting }: NonNullable<Rollout['status']>): string {
  if (waiting === '') return '';
  return `; waits: ${waiting}`;
}

/** The line that a rollout that has stopped ends with. */
export function rolloutEnd({ spec, status }: Rollout): string {
  if (status?.phase === RolloutPhase.PAUSED) return `paused at the canary: ${status.message}`;
  if (status?.phase === RolloutPhase.ABORTED) return `${spec?.to} was taken back: ${originalText(status)}`;
  return status?.message ?? '';
}

/** `v1 web=3, v2 web=1` */
function originalText({ original }: NonNullable<Rollout['status']>): string {
  const parts = Object.entries(original).flatMap(([release, { factors }]) => {
    const given = new Map(Object.entries(factors).filter(([, factor]) => factor > 0));
    return given.size > 0 ? [`${release} ${formatFactors(given)}`] : [];
  });
  return parts.join(', ') || 'nothing runs, as before';
}

/** What is likely done next. */
export function nextAfter({ status }: Rollout): string {
  if (status?.phase === RolloutPhase.PAUSED) return 'gilliam promote, or gilliam abort';
  return 'gilliam ps';
}
