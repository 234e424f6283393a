import { trafficSharesOf } from '../registry/traffic-shares';
import type { Entry } from '../registry/types';

/** Shares are hundredths: of so many turns each is a whole number. */
const hundred = 100;
/** The kernel looks a turn up in a map: more of them cost it nothing, but loading them does. */
const maxTurns = 4_000;

interface Group {
  readonly members: readonly number[];
  readonly weight: number;
  credit: number;
  next: number;
}

/**
 * Which entry each of so many connections in a row goes to, where releases have shares of them: the shares exactly, those
 * of one group alike, and mixed as well as can be. Undefined where all entries are alike.
 */
export function turnsOf(entries: readonly Entry[]): readonly number[] | undefined {
  const shared = trafficSharesOf(entries);
  if (!shared) return undefined;
  const groups = shared.shares.map(({ release, weight }): Group => {
    const members = shared.groups.flatMap((group, index) => (group === release ? [index] : []));
    return { members, weight, credit: 0, next: 0 };
  });
  const only = groups.length === 1 ? groups[0] : undefined;
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  // Several rounds, so that those of one group differ by little though their number does not divide its turns.
  const rounds = Math.max(1, Math.min(maxTurns / hundred, Math.ceil(entries.length / 5)));
  const count = only ? only.members.length : total * rounds;
  return Array.from({ length: count }, () => take(groups, total));
}

/** Of the group that is furthest behind its share, the next member. */
function take(groups: readonly Group[], total: number): number {
  for (const group of groups) group.credit += group.weight;
  const first = groups.reduce((best, group) => (group.credit > best.credit ? group : best));
  first.credit -= total;
  return first.members[first.next++ % first.members.length] as number;
}
