import type { Release, Scale } from './objects';
import { compareReleaseNames } from './release-name';

/**
 * The release that a formation runs, for whoever names none: the newest that has factors; where none has, the newest
 * that could have, since it has an image. Undefined before the first deploy.
 */
export function currentRelease(
  releases: readonly Release[],
  scales: readonly Pick<Scale, 'metadata' | 'spec'>[],
): Release | undefined {
  const running = new Set(scales.filter(hasFactors).map(({ metadata }) => metadata.name));
  const newest = releases.toSorted((a, b) => compareReleaseNames(b.metadata.name, a.metadata.name));
  return (
    newest.find(({ metadata }) => running.has(metadata.name)) ?? newest.find(({ spec }) => spec.image !== '')
  );
}

/** Whether the scale wishes for any instance at all. */
export function hasFactors({ spec }: Pick<Scale, 'spec'>): boolean {
  return Object.values(spec.factors).some((factor) => factor > 0);
}
