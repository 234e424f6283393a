import { type Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { isFinished } from '../../../pkg/resource/instance';
import { compareProcesses } from './factors';
import { compareInstances, shortName, shownState } from './instance-line';

export interface ScaleProgress {
  /** Exactly the wished instances exist, and all of them are ready. */
  readonly done: boolean;
  /** `web 1/2, worker 0/4` */
  readonly summary: string;
  /** The instance that stands most in the way, and why, where one says so: `web.2 is pending: no executor …`. */
  readonly obstacle?: { readonly instance: string; readonly text: string };
}

/** How far a release has come to some scale factors. */
export function scaleProgress(
  instances: readonly Instance[],
  release: string,
  factors: ReadonlyMap<string, number>,
): ScaleProgress {
  const ours = instances
    .filter(({ spec }) => spec?.release === release && factors.has(spec.process))
    .sort(compareInstances);
  const counts = [...factors]
    .sort(([left], [right]) => compareProcesses(left, right))
    .map(([process, factor]) => {
      const living = ours.filter((instance) => instance.spec?.process === process && !finished(instance));
      const ready = living.filter((instance) => shownState(instance) === 'running').length;
      // Going down, it is the number of those that still are that tells how far it is.
      const shown = living.length > factor ? living.length : ready;
      return { done: living.length === factor && ready === factor, text: `${process} ${shown}/${factor}` };
    });
  const done = counts.every((count) => count.done);
  return {
    done,
    summary: counts.map((count) => count.text).join(', '),
    obstacle: done ? undefined : findObstacle(ours),
  };
}

function findObstacle(instances: readonly Instance[]): ScaleProgress['obstacle'] {
  const living = instances.filter((instance) => !finished(instance));
  const waiting = living.find((instance) => shownState(instance) !== 'running' && instance.status?.message);
  const failed = instances.findLast((instance) => instance.status?.state === InstanceState.FAILED);
  const instance = waiting ?? failed ?? living.find((each) => shownState(each) !== 'running');
  if (!instance) return undefined;
  const why = instance.status?.message ? `: ${instance.status.message}` : '';
  return { instance: shortName(instance), text: `${shortName(instance)} is ${shownState(instance)}${why}` };
}

function finished(instance: Instance): boolean {
  return isFinished(instance.status?.state ?? InstanceState.UNSPECIFIED);
}
