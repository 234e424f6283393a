import { compareForemost, foremost } from './foremost-release';
import type { Rollout, Scale } from './objects';
import { givingWay, isUnderWay } from './rollout';

/**
 * The release that ran before, for `rollback` without a name. While a rollout is under way, what gives way; else the last
 * that gave way to what runs now, to a rollout or by being scaled to none. Of several that gave way at once the one that
 * had the most instances, of equals the newest. Undefined where nothing ever did.
 */
export function previousRelease(
  scales: readonly Pick<Scale, 'metadata' | 'spec'>[],
  rollout: Rollout | undefined,
  current: string,
): string | undefined {
  if (rollout && isUnderWay(rollout)) return foremost(givingWay(rollout));
  const retired = scales.flatMap(({ metadata: { name }, spec }) =>
    spec.retired && name !== current ? [{ name, ...spec.retired }] : [],
  );
  // A rollout that was taken back has left its mark on what did not give way in the end.
  const gone = retired.filter(({ by }) => by === current || by === '');
  const timeOf = ({ time }: (typeof retired)[number]) => time?.getTime() ?? 0;
  const [last] = (gone.length > 0 ? gone : retired).toSorted(
    (a, b) => timeOf(b) - timeOf(a) || compareForemost(a, b),
  );
  return last?.name;
}
