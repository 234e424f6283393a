import { sameDefinition } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import { isWanted } from '../../resource/instance';
import type { Release } from '../../resource/objects';
import { isReady } from '../formation/process-plan';
import type { ProcessFleet, RolloutView } from './fleet';
import type { ProcessStep } from './process-step';

/** All of it at once: two halves of a database are none. Instances of the same definition are taken over as they are. */
export function moveWhole({ old, next }: ProcessFleet): ProcessStep {
  return { old: old.map(() => 0), next: next.goal };
}

export function putBack({ old, next }: ProcessFleet): ProcessStep {
  return { old: old.map(({ original }) => original), next: next.original };
}

/**
 * Whether what the new release's processes will call is there. One that all releases define the same is as ready as it
 * was before, and nobody waits for it.
 */
export function areReady(view: RolloutView, fleets: readonly ProcessFleet[]): boolean {
  return fleets.every(({ process, old, next }) => {
    const had = old.filter(({ original }) => original > 0);
    const carriedOn = had.length > 0 && had.every(({ release }) => isSame(view, process, release));
    return carriedOn || readyOf(view, process) >= next.goal;
  });
}

/** Instances of the new release's definition, whichever release they were made for. */
function readyOf(view: RolloutView, process: string): number {
  return view.instances.filter(
    (instance) =>
      instance.spec.process === process &&
      instance.spec.oneOff === undefined &&
      isWanted(instance) &&
      isReady(instance) &&
      isSame(view, process, instance.spec.release),
  ).length;
}

function isSame({ rollout, releases }: RolloutView, process: string, release: string): boolean {
  const { to } = rollout.spec;
  if (release === to) return true;
  const [one, other] = [release, to].map((name) => definition(releases, name, process));
  return one !== undefined && other !== undefined && sameDefinition(one, other);
}

function definition(releases: readonly Release[], name: string, process: string) {
  const release = releases.find(({ metadata }) => metadata.name === name);
  return release && entryOf(release.spec.processes, process);
}
