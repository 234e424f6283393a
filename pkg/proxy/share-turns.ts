import type { TrafficShares } from '../registry/traffic-shares';
import { leastOutstanding, type Candidate } from './balance';

/** Those that get a share of the requests together. */
export interface ShareGroup<T> {
  readonly members: readonly T[];
  /** 0 to 1; all groups' together are 1. */
  readonly share: number;
}

/** The fraction of a turn that is as far as can be from what came before, however many there were. */
const goldenRatio = (Math.sqrt(5) - 1) / 2;

/** The candidates, which the shares are of, in their groups; who has no share is in none. */
export function groupsOf<T>(
  candidates: readonly T[],
  { groups, shares }: TrafficShares,
): readonly ShareGroup<T>[] {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  return shares.map(({ release, weight }) => ({
    members: candidates.filter((_, index) => groups[index] === release),
    share: weight / total,
  }));
}

/**
 * The group by shares, exactly so in the long run and nearly in the short one, then the member with the fewest requests
 * under way. Another group where all of it are full, tried or ejected: a share is no reason to answer nothing.
 */
export function chooseByShare<T extends Candidate>(
  groups: readonly ShareGroup<T>[],
  turn: number,
  nowMs: number,
  tried?: ReadonlySet<T>,
): T | undefined {
  const first = groupAt(groups, (turn * goldenRatio) % 1);
  let ejected: T | undefined;
  for (let step = 0; step < groups.length; step++) {
    const { members } = groups[(first + step) % groups.length] as ShareGroup<T>;
    const found = leastOutstanding(members, turn, nowMs, tried);
    if (found && !found.ejected(nowMs)) return found;
    ejected ??= found;
  }
  return ejected;
}

function groupAt<T>(groups: readonly ShareGroup<T>[], point: number): number {
  let end = 0;
  const index = groups.findIndex(({ share }) => point < (end += share));
  return index < 0 ? groups.length - 1 : index;
}
