import { foremost } from './foremost-release';
import type { Release, Rollout, Scale } from './objects';
import { compareReleaseNames } from './release-name';
import { givingWay, isUnderWay } from './rollout';

/**
 * The release that a formation runs, for whoever names none. While a rollout is under way, paused at its canary or taken
 * back, it is the one that has proven itself: what gives way, or, of a rollback, what is gone back to. Else the newest that
 * has factors; where none has, the newest that could have, since it has an image. Undefined before the first deploy.
 */
export function currentRelease(
  releases: readonly Release[],
  scales: readonly Pick<Scale, 'metadata' | 'spec'>[],
  rollout?: Rollout,
): Release | undefined {
  const proven = rollout && isUnderWay(rollout) ? provenOf(rollout) : undefined;
  const found = releases.find(({ metadata }) => metadata.name === proven);
  if (found) return found;
  const running = new Set(scales.filter(hasFactors).map(({ metadata }) => metadata.name));
  const newest = releases.toSorted((a, b) => compareReleaseNames(b.metadata.name, a.metadata.name));
  return (
    newest.find(({ metadata }) => running.has(metadata.name)) ?? newest.find(({ spec }) => spec.image !== '')
  );
}

/** Undefined where nothing gives way. */
function provenOf(rollout: Rollout): string | undefined {
  return rollout.spec.immediate ? rollout.spec.to : foremost(givingWay(rollout));
}

/** Whether the scale wishes for any instance at all. */
export function hasFactors({ spec }: Pick<Scale, 'spec'>): boolean {
  return Object.values(spec.factors).some((factor) => factor > 0);
}
