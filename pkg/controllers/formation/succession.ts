import { InstanceState } from '../../gen/gilliam/v1/instance';
import { isWanted } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import type { Cohort } from './cohort';
import { isReady } from './ready';

/**
 * Of those that an auxiliary service, which is defined anew, has too many: the ones that are to serve until the new ones
 * can. Only where neither has volumes: two servers never share a directory. Nor does anybody stay who may be in the way of
 * a new one that finds no room.
 */
export function keptUntilRelieved(
  cohorts: readonly Cohort[],
  instances: readonly Instance[],
  stops: readonly Instance[],
): ReadonlySet<Instance> {
  const nobody = new Set<Instance>();
  const successors = cohorts.filter(({ factor, source }) => factor > 0 && source !== undefined);
  if (successors.length === 0 || cohorts.some(({ stateful }) => stateful)) return nobody;
  const isOf = (some: readonly Cohort[], { spec }: Instance) =>
    !spec.oneOff && some.some(({ releases }) => releases.has(spec.release));
  const coming = instances.filter((instance) => isOf(successors, instance) && isWanted(instance));
  const noRoom = coming.some(({ status }) => status.state === InstanceState.PENDING && status.reason !== '');
  if (noRoom) return nobody;
  const wished = successors.reduce((sum, { factor }) => sum + factor, 0);
  const missing = Math.max(0, wished - coming.filter(isReady).length);
  const outgoing = cohorts.filter(({ factor }) => factor === 0);
  // Those that are missed most come last among what is to stop.
  const serving = stops.filter((instance) => isOf(outgoing, instance) && isReady(instance));
  return new Set(missing === 0 ? [] : serving.slice(-missing));
}
