import type { Release, Rollout } from '../../resource/objects';

/**
 * On what apply has made, and may therefore prune: routes and cron jobs; of a release the value is which processes were
 * described, `_cache,web`. A release that somebody makes of it by hand keeps the label.
 */
export const appliedLabel = 'gilliam.dev/applied';

/** The labels that the release after this one has for having come from it. */
export function appliedLabels(before: Release | undefined): Record<string, string> {
  const value = before?.metadata.labels[appliedLabel];
  return value === undefined ? {} : { [appliedLabel]: value };
}

/** The processes of the release that apply has described, by itself or by a release before. */
export function appliedProcesses(release: Release | undefined): ReadonlySet<string> {
  const value = release?.metadata.labels[appliedLabel] ?? '';
  return new Set(value.split(',').filter((name) => name !== ''));
}

export function labelOfProcesses(names: readonly string[]): Record<string, string> {
  return { [appliedLabel]: names.toSorted().join(',') };
}

/** On a rollout that apply has begun: the name of the steps, gates and factors that were described. */
export const wishLabel = 'gilliam.dev/wish';

/** Undefined for a rollout that apply has not begun. */
export function wishOf({ metadata }: Rollout): string | undefined {
  return metadata.labels[wishLabel];
}
