import type { Process } from '../../gen/gilliam/v1/release';
import { sameDefinition } from '../../resource/auxiliary';
import { compareReleaseNames } from '../../resource/release-name';

/** How many instances of the process a release is to have. */
export interface Demand {
  readonly release: string;
  readonly factor: number;
  /** What the release says of the process; absent when it does not have it: then none can be made. */
  readonly definition: Process | undefined;
}

/**
 * Releases whose instances of a process count for one another: of an auxiliary service all that define it in the same
 * words, of any other process each release alone.
 */
export interface Cohort {
  readonly releases: ReadonlySet<string>;
  /** The highest of its releases: they share what there is. */
  readonly factor: number;
  /** What new instances are made of: the newest that is to have any. Absent when none can be made. */
  readonly source: string | undefined;
  /** Its instances have volumes: one living instance an ordinal, and ordinals up to the factor only. */
  readonly stateful: boolean;
}

/** Of all releases that are to have, or have, instances of one process; those with the oldest release first. */
export function cohortsOf(demands: readonly Demand[]): Cohort[] {
  const groups: Demand[][] = [];
  for (const demand of demands.toSorted((a, b) => compareReleaseNames(a.release, b.release))) {
    const group = groups.find(([first]) => first && isShared(first.definition, demand.definition));
    if (group) group.push(demand);
    else groups.push([demand]);
  }
  return groups.map(cohortOf);
}

function cohortOf(demands: readonly Demand[]): Cohort {
  return {
    releases: new Set(demands.map(({ release }) => release)),
    factor: Math.max(...demands.map(({ factor }) => factor)),
    source: demands.findLast(({ factor, definition }) => factor > 0 && definition)?.release,
    stateful: demands.some(({ definition }) => definition !== undefined && definition.volumes.length > 0),
  };
}

function isShared(a: Process | undefined, b: Process | undefined): boolean {
  return a?.auxiliary !== undefined && b?.auxiliary !== undefined && sameDefinition(a, b);
}
