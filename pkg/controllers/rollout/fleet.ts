import { entryOf } from '../../resource/entries';
import { isWanted } from '../../resource/instance';
import type { Instance, Release, Rollout, Scale } from '../../resource/objects';
import { isReady } from '../formation/process-plan';

/** What a rollout is decided on: read at one moment, never changed. */
export interface RolloutView {
  readonly rollout: Rollout;
  readonly releases: readonly Release[];
  readonly scales: readonly Scale[];
  readonly instances: readonly Instance[];
  /** What was asked of releases, and how they answered, while both could be asked. */
  readonly traffic: readonly ReleaseTraffic[];
  /** Since a factor was last changed. */
  readonly sinceStepMs: number;
  /** For how long an instance has been known to be ready, or not to be. */
  sameForMs(instance: Instance): number;
  readonly now: Date;
}

/** Of one release of a service. */
export interface ReleaseTraffic {
  readonly service: string;
  readonly release: string;
  readonly requests: number;
  /** Answered with 5xx, or not at all. */
  readonly errors: number;
  /** An upper bound; absent without requests. */
  readonly p95Ms?: number;
}

/** One release's part in a process. */
export interface Share {
  readonly release: string;
  /** Before the rollout. */
  readonly original: number;
  readonly factor: number;
  /** Instances that can do their work now. */
  readonly ready: number;
}

/** One process of the releases that a rollout is about. */
export interface ProcessFleet {
  readonly process: string;
  /** Of the releases that give way, oldest first. */
  readonly old: readonly Share[];
  readonly next: Share & {
    /** Those that have been ready for as long as they have to be. */
    readonly healthy: number;
    /** In the end. */
    readonly goal: number;
  };
}

/** All processes that the rollout is about, by name. */
export function fleetOf(view: RolloutView): readonly ProcessFleet[] {
  const { spec, status } = view.rollout;
  const names = new Set(Object.keys(spec.factors));
  for (const original of Object.values(status.original))
    for (const process of Object.keys(original.factors)) names.add(process);
  return [...names].sort().map((process) => {
    const goal = entryOf(spec.factors, process) ?? 0;
    const own = instancesOf(view, spec.to, process);
    const healthy = own.filter((instance) => view.sameForMs(instance) >= spec.waitHealthyMs).length;
    return {
      process,
      old: spec.from.map((release) => shareOf(view, release, process)),
      next: { ...shareOf(view, spec.to, process), healthy, goal },
    };
  });
}

/**
 * Whether the formation controller has acted on the factors as they are. Until then it may still stop, for factors that
 * were lower, what counts as ready here.
 */
export function isSettled({ rollout: { spec }, scales }: RolloutView): boolean {
  return scales
    .filter(({ metadata: { name } }) => name === spec.to || spec.from.includes(name))
    .every(({ metadata, status }) => status.observedGeneration === metadata.generation);
}

/** Together, before the rollout. */
export function originalTotal({ old, next }: ProcessFleet): number {
  return sum(old, ({ original }) => original) + next.original;
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function shareOf(view: RolloutView, release: string, process: string): Share {
  const scale = view.scales.find(({ metadata }) => metadata.name === release);
  const original = entryOf(view.rollout.status.original, release)?.factors ?? {};
  return {
    release,
    original: entryOf(original, process) ?? 0,
    factor: entryOf(scale?.spec.factors ?? {}, process) ?? 0,
    ready: instancesOf(view, release, process).length,
  };
}

/** Those that count and are ready. */
function instancesOf(view: RolloutView, release: string, process: string): Instance[] {
  return view.instances.filter(
    (instance) =>
      instance.spec.release === release &&
      instance.spec.process === process &&
      instance.spec.oneOff === undefined &&
      isWanted(instance) &&
      isReady(instance),
  );
}
