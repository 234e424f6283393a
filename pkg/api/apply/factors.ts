import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import { together } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import type { Scale } from '../../resource/objects';
import { isUnderWay } from '../../resource/rollout';
import { scaledProcesses } from '../scaled-label';
import { appliedProcesses } from './applied-label';
import type { NextRelease } from './next-release';
import type { FormationState } from './state';

type Factors = Readonly<Record<string, number>>;

/** A process's factor as it is wished for now, whatever releases it is spread over, and as it is to be. */
export interface FactorChange {
  readonly process: string;
  readonly before: number;
  readonly after: number;
}

export interface FactorWish {
  readonly factors: Factors;
  /** Process → the least that an autoscaler keeps. */
  readonly least: Factors;
}

/**
 * The factors of all processes of the release. Those that are not wished for stay; a process that never had one begins
 * with one instance, or with the least that its autoscaler keeps.
 */
export function factorChanges(
  state: FormationState,
  release: NextRelease,
  wish: FactorWish,
): readonly FactorChange[] {
  const known = new Set([...appliedProcesses(state.newest), ...state.scales.flatMap(scaledProcesses)]);
  return Object.keys(release.spec.processes)
    .sort()
    .map((process) => {
      const before = wishedNow(state, process);
      const first = entryOf(wish.least, process) ?? 1;
      const left = before > 0 || known.has(process) ? before : first;
      return { process, before, after: entryOf(wish.factors, process) ?? left };
    });
}

/** How many instances the process is to have now: in the end, where a rollout is under way. */
function wishedNow({ scales, rollout, newest }: FormationState, process: string): number {
  const sum = sumOf(scales, process);
  if (!rollout || rollout.spec.to !== newest?.metadata.name) return sum;
  const goal = entryOf(rollout.spec.factors, process) ?? 0;
  if (isUnderWay(rollout)) return goal;
  // What came with a rollout that was aborted is still wished for.
  return rollout.status.phase === RolloutPhase.ABORTED && sum === 0 ? goal : sum;
}

/** The process's factors of all releases together. */
function sumOf(scales: readonly Pick<Scale, 'spec'>[], process: string): number {
  return together(
    process,
    scales.map(({ spec }) => entryOf(spec.factors, process) ?? 0),
  );
}

export function factorsOf(changes: readonly FactorChange[]): Record<string, number> {
  return Object.fromEntries(
    changes.filter(({ after }) => after !== 0).map(({ process, after }) => [process, after]),
  );
}
