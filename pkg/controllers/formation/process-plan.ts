import { InstanceState } from '../../gen/gilliam/v1/instance';
import { isFinished, isWanted } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import { compareReleaseNames } from '../../resource/release-name';
import { failuresInARow, replacementDelayMs } from './failures';

/** How many instances of the process a release is to have. */
export interface Demand {
  readonly release: string;
  readonly factor: number;
  /** Whether the release has the process: else none can be made, and what runs is left alone. */
  readonly possible: boolean;
}

export interface ProcessView {
  readonly process: string;
  /** All of the process that are remembered, of whatever release, finished ones too. */
  readonly instances: readonly Instance[];
  /** At most one a release; oldest release first. A release without one is to have none. */
  readonly demands: readonly Demand[];
  readonly draining: ReadonlySet<string>;
  failedForMs(instance: Instance): number;
}

/** An instance to be made. */
export interface Creation {
  readonly release: string;
  readonly process: string;
  readonly ordinal: number;
  readonly incarnation: number;
  /** How many holders of the ordinal in a row, of the same release, have failed before it. */
  readonly failedBefore: number;
}

/** A failed instance whose replacement has to wait. */
export interface Waiting {
  readonly failed: Instance;
  readonly failures: number;
  readonly delayMs: number;
}

export interface ProcessPlan {
  readonly creates: readonly Creation[];
  readonly stops: readonly Instance[];
  readonly waiting: readonly Waiting[];
}

/** Runs, and can do its work now. */
export function isReady(instance: Instance): boolean {
  return instance.status.state === InstanceState.RUNNING && instance.status.ready;
}

/** One process of all releases: they share its ordinals. */
export function planProcess(view: ProcessView): ProcessPlan {
  const creates: Creation[] = [];
  const stops: Instance[] = [];
  const waiting: Waiting[] = [];
  const ordinals = new Ordinals(view.instances);
  for (const { release, factor, possible } of allDemands(view)) {
    const wanted = view.instances.filter(
      (instance) => instance.spec.release === release && isWanted(instance),
    );
    const leaving = wanted.filter((instance) => view.draining.has(instance.spec.executor));
    const staying = wanted.filter((instance) => !view.draining.has(instance.spec.executor));
    const surplus = leastUseful(staying, staying.length - factor);
    // One that leaves goes when one that stays can do its work.
    const ready = staying.filter((instance) => isReady(instance) && !surplus.includes(instance)).length;
    const stillNeeded = Math.max(0, factor - ready);
    stops.push(...surplus, ...leastUseful(leaving, leaving.length - stillNeeded));

    for (let missing = possible ? factor - staying.length : 0; missing > 0; missing--) {
      const { ordinal, last } = ordinals.takeLowestFree();
      const failures = failuresInARow(last, release);
      const delayMs = last && failures > 0 ? replacementDelayMs(failures) - view.failedForMs(last) : 0;
      if (last && delayMs > 0) {
        waiting.push({ failed: last, failures, delayMs });
        continue;
      }
      const incarnation = (last?.spec.incarnation ?? 0) + 1;
      creates.push({ release, process: view.process, ordinal, incarnation, failedBefore: failures });
    }
  }
  return { creates, stops, waiting };
}

/** Those of the view, and a factor of 0 for releases that have instances only. */
function allDemands(view: ProcessView): Demand[] {
  const given = new Set(view.demands.map((demand) => demand.release));
  const found = new Set(view.instances.filter(isWanted).map((instance) => instance.spec.release));
  const none = [...found].filter((release) => !given.has(release)).sort(compareReleaseNames);
  return [...view.demands, ...none.map((release) => ({ release, factor: 0, possible: false }))];
}

/** The `count` that are missed least: first what is not ready, then the highest ordinals. */
function leastUseful(instances: readonly Instance[], count: number): Instance[] {
  if (count <= 0) return [];
  return instances
    .toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)) || b.spec.ordinal - a.spec.ordinal)
    .slice(0, count);
}

/** Which ordinals are held, and by whom last. */
class Ordinals {
  /** Held by the living, or given out by this plan. */
  readonly #taken = new Set<number>();
  /** The newest holder of each. */
  readonly #last = new Map<number, Instance>();
  #lowest = 1;

  constructor(instances: readonly Instance[]) {
    for (const instance of instances) {
      const { ordinal, incarnation } = instance.spec;
      if (!isFinished(instance.status.state)) this.#taken.add(ordinal);
      const last = this.#last.get(ordinal);
      if (!last || last.spec.incarnation < incarnation) this.#last.set(ordinal, instance);
    }
  }

  takeLowestFree(): { ordinal: number; last: Instance | undefined } {
    while (this.#taken.has(this.#lowest)) this.#lowest++;
    const ordinal = this.#lowest++;
    return { ordinal, last: this.#last.get(ordinal) };
  }
}
