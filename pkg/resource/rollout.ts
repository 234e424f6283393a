import { PreconditionError } from '../base/errors';
import { RolloutPhase } from '../gen/gilliam/v1/rollout';
import { entryOf } from './entries';
import type { Running } from './foremost-release';
import { quote } from './names';
import type { Rollout } from './objects';

/** The name of a formation's only rollout: that there is one at a time is the store's doing. */
export const ROLLOUT = 'current';

/** How many instances there may be beyond the factors, of each process, where the rollout does not say. */
export const DEFAULT_SURGE = 1;
export const DEFAULT_PROGRESS_DEADLINE_MS = 600_000;

/** Whether it has not come to its end. */
export function isUnderWay({ status }: Rollout): boolean {
  const { phase } = status;
  return phase !== RolloutPhase.SUCCEEDED && phase !== RolloutPhase.ABORTED;
}

/** Whether it writes the release's factors. */
export function concerns({ spec }: Rollout, release: string): boolean {
  return spec.to === release || spec.from.includes(release);
}

/** What gives way, as it was before. */
export function givingWay({ spec, status }: Rollout): Running[] {
  return spec.from.map((name) => ({ name, factors: entryOf(status.original, name)?.factors ?? {} }));
}

/** Whether it goes back to what does not get ready: it may never end, so another one may take its place. */
export function isStuck({ status }: Rollout): boolean {
  return status.phase === RolloutPhase.ABORTING && status.forced;
}

/** Throws PreconditionError while another rollout of the formation is under way. */
export function refuseSecondRollout(before: Rollout | undefined): void {
  if (!before || !isUnderWay(before) || isStuck(before)) return;
  const { metadata, spec, status } = before;
  const paused = status.phase === RolloutPhase.PAUSED ? ', paused at its canary' : '';
  const by = spec.author === '' ? '' : ` by ${spec.author}`;
  throw new PreconditionError(
    `a rollout of ${quote(metadata.formation)} to ${spec.to}${by} is under way${paused}: wait for it, or gilliam ${paused ? 'promote or ' : ''}abort`,
  );
}

/**
 * Throws PreconditionError for a change of factors that a rollout writes: it would be undone by the next step, or undo
 * one.
 */
export function refuseScaleDuringRollout(rollout: Rollout | undefined, release: string): void {
  if (!rollout || !isUnderWay(rollout) || !concerns(rollout, release)) return;
  throw new PreconditionError(
    `${release} cannot be scaled while the rollout to ${rollout.spec.to} is under way: wait for it, or gilliam abort`,
  );
}
