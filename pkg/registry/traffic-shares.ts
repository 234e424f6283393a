import type { Entry } from './types';

/** How requests to one name are to be shared. */
export interface TrafficShares {
  /** The group of each entry, in their order: its release where that has a share of its own, else ''. */
  readonly groups: readonly string[];
  /** What each group gets together: of those that have entries, and more than nothing. */
  readonly shares: readonly { readonly release: string; readonly weight: number }[];
}

/**
 * Where a release was given a share of the requests, its instances get that together, and all others share the rest
 * alike. Undefined where none was, or where nobody would get anything: then each entry gets as much as any other.
 */
export function trafficSharesOf(entries: readonly Entry[]): TrafficShares | undefined {
  const given = new Map<string, number>();
  for (const { body, source } of entries) {
    const { release, trafficPercent } = body;
    if (source !== 'agent' || typeof trafficPercent !== 'number' || typeof release !== 'string') continue;
    // While a change is on its way they may say different things.
    given.set(release, Math.min(trafficPercent, given.get(release) ?? trafficPercent));
  }
  if (given.size === 0) return undefined;
  const groups = entries.map(({ body: { release } }) =>
    typeof release === 'string' && given.has(release) ? release : '',
  );
  const together = [...given.values()].reduce((sum, percent) => sum + percent, 0);
  const rest = groups.includes('') ? Math.max(0, 100 - together) : 0;
  const shares = [...given, ['', rest] as const]
    .map(([release, weight]) => ({ release, weight }))
    .filter(({ weight }) => weight > 0);
  return shares.length === 0 ? undefined : { groups, shares };
}
