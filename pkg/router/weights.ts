import type { ReleaseWeight } from '../gen/gilliam/v1/route';

const maxWeight = 256;

/**
 * The weights, 0 to 256, of servers that the releases stand for, in their order. All the same where releases have no
 * shares. Otherwise the sums of the releases' servers are to each other as the shares are, within 0.2 % of the whole;
 * a release without servers leaves its share to the others.
 */
export function serverWeights(
  releases: readonly (string | undefined)[],
  shares: readonly ReleaseWeight[],
): number[] {
  if (shares.length === 0) return releases.map(() => 1);
  const present = shares.flatMap(({ release, weight }) => {
    const count = releases.filter((one) => one === release).length;
    return count > 0 && weight > 0 ? [{ release, weight, count }] : [];
  });
  // The largest sums for which no server has more than the most.
  const scale = Math.min(...present.map(({ weight, count }) => (maxWeight * count) / weight));
  const left = new Map(
    present.map(({ release, weight, count }) => [
      release,
      { sum: Math.max(1, Math.round(weight * scale)), count },
    ]),
  );
  return releases.map((release) => {
    const share = release === undefined ? undefined : left.get(release);
    if (release === undefined || !share) return 0;
    const own = Math.ceil(share.sum / share.count);
    left.set(release, { sum: share.sum - own, count: share.count - 1 });
    return own;
  });
}
