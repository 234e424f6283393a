import type { RolloutStatus } from '../../gen/gilliam/v1/rollout';
import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import type { Scale } from '../../resource/objects';
import type { FactorChanges } from './factor-changes';
import type { RolloutView } from './fleet';
import { fleetOf } from './fleet';

/** Something to be told to people. */
export interface Told {
  readonly reason: string;
  readonly message: string;
  readonly warning?: boolean;
}

/** One step: factors and status are written together. */
export interface RolloutPlan {
  /** With the factors that they are to have; only those that differ. Without a revision: to be made. */
  readonly scales: readonly Scale[];
  /** Undefined where it stays as it is. */
  readonly status?: RolloutStatus;
  readonly told: readonly Told[];
  /** When to look again even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/** How often a rollout is looked at while nothing else happens. */
export const JUDGE_MS = 5_000;
export const nothing: RolloutPlan = { scales: [], told: [] };

/** What a step says of itself; what is left out stays as it was, but for `waiting`, which is empty then. */
export interface StepNote {
  readonly message?: string;
  readonly waiting?: string;
  readonly forced?: boolean;
}

/** The step with the status that it comes with; none where nothing is different. */
export function stepOf(
  view: RolloutView,
  changes: FactorChanges,
  phase: RolloutPhase,
  { message, waiting = '', forced }: StepNote = {},
): Pick<RolloutPlan, 'scales' | 'status' | 'told'> {
  const { rollout, now } = view;
  const before = rollout.status;
  const scales = changes.scales();
  const observedGeneration = rollout.metadata.generation;
  const moves = before.phase !== phase;
  const same = before.waiting === waiting && before.forced === (forced ?? before.forced);
  if (scales.length === 0 && !moves && same && before.observedGeneration === observedGeneration) {
    // A status that was changed on the way here is still to be written.
    return { scales, told: [] };
  }
  const said = phase === RolloutPhase.ABORTING ? before.message : (message ?? inWords(view, changes));
  return {
    scales,
    told: [],
    status: {
      ...before,
      ...{ observedGeneration, phase, message: said, waiting, forced: forced ?? before.forced },
      stepped: scales.length > 0 ? now : before.stepped,
      changed: moves ? now : before.changed,
    },
  };
}

/** `web: v2 7, v3 3 of 10` */
export function inWords(view: RolloutView, changes: FactorChanges): string {
  const { to, from } = view.rollout.spec;
  const parts = fleetOf(view).map(({ process, next }) => {
    const old = from.map((release) => `${release} ${changes.factor(release, process)}`);
    return `${process}: ${[...old, `${to} ${changes.factor(to, process)} of ${next.goal}`].join(', ')}`;
  });
  return parts.join('; ');
}
