import { isAuxiliary } from '../../resource/auxiliary';
import { isWanted } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import type { Cohort } from './cohort';
import { failuresInARow, replacementDelayMs } from './failures';
import { Ordinals, type Place } from './ordinals';
import { isReady } from './ready';
import { keptUntilRelieved } from './succession';

export { isReady } from './ready';

export interface ProcessView {
  readonly process: string;
  /** All of the process that are remembered, of whatever release, finished ones and one-offs too. */
  readonly instances: readonly Instance[];
  /** Of all releases that are to have, or have, instances. */
  readonly cohorts: readonly Cohort[];
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

/** What one cohort needs: whom to stop, and the places of those to be made. */
interface CohortPlan {
  readonly stops: readonly Instance[];
  readonly places: readonly Place[];
}

/** One process of all releases: they share its ordinals. */
export function planProcess(view: ProcessView): ProcessPlan {
  const creates: Creation[] = [];
  const stops: Instance[] = [];
  const waiting: Waiting[] = [];
  const ordinals = new Ordinals(view.instances);
  for (const cohort of view.cohorts) {
    const wanted = view.instances.filter(
      (instance) => cohort.releases.has(instance.spec.release) && !instance.spec.oneOff && isWanted(instance),
    );
    const plan = (cohort.stateful ? planStateful : planStateless)(cohort, wanted, view.draining, ordinals);
    stops.push(...plan.stops);
    if (cohort.source === undefined) continue;
    for (const { ordinal, last } of plan.places) {
      const failures = failuresInARow(last, cohort.releases);
      const delayMs = last && failures > 0 ? replacementDelayMs(failures) - view.failedForMs(last) : 0;
      if (last && delayMs > 0) {
        waiting.push({ failed: last, failures, delayMs });
        continue;
      }
      const incarnation = (last?.spec.incarnation ?? 0) + 1;
      const { source: release } = cohort;
      creates.push({ release, process: view.process, ordinal, incarnation, failedBefore: failures });
    }
  }
  if (!isAuxiliary(view.process)) return { creates, stops, waiting };
  const kept = keptUntilRelieved(view.cohorts, view.instances, stops);
  return { creates, stops: stops.filter((instance) => !kept.has(instance)), waiting };
}

/** Replacements come first: any ordinal will do. */
function planStateless(
  { factor, source }: Cohort,
  wanted: readonly Instance[],
  draining: ReadonlySet<string>,
  ordinals: Ordinals,
): CohortPlan {
  const leaving = leavingOf(wanted, draining);
  const staying = wanted.filter((instance) => !leaving.has(instance));
  const surplus = leastUseful(staying, staying.length - factor);
  // One that leaves goes when one that stays can do its work.
  const ready = staying.filter((instance) => isReady(instance) && !surplus.includes(instance)).length;
  const stillNeeded = Math.max(0, factor - ready);
  const stops = [...surplus, ...leastUseful([...leaving], leaving.size - stillNeeded)];
  const missing = source === undefined ? 0 : Math.max(0, factor - staying.length);
  return { stops, places: Array.from({ length: missing }, () => ordinals.takeLowestFree()) };
}

/**
 * Nothing has a volume twice: the holder of an ordinal stops first, its replacement comes when it has. What is on an
 * executor that is emptied is stopped, although its replacement will wait there for the executor to be opened again:
 * its volumes cannot move.
 */
function planStateful(
  { factor, source }: Cohort,
  wanted: readonly Instance[],
  draining: ReadonlySet<string>,
  ordinals: Ordinals,
): CohortPlan {
  const within = wanted.filter(({ spec }) => spec.ordinal <= factor);
  const evicted = within.filter(({ spec }) => draining.has(spec.executor));
  const staying = within.filter((instance) => !evicted.includes(instance));
  const replaced = nextReplaced(staying);
  // One after the other, and none that works while another does not.
  const others = staying.filter((instance) => instance !== replaced && isReady(instance)).length;
  const mayGo = replaced && (!isReady(replaced) || others === factor - 1);
  const stops = [
    ...leastUseful(wanted, Infinity).filter(({ spec }) => spec.ordinal > factor),
    ...evicted,
    ...(mayGo ? [replaced] : []),
  ];
  const places: Place[] = [];
  for (let ordinal = 1; source !== undefined && ordinal <= factor; ordinal++) {
    const place = ordinals.take(ordinal);
    if (place) places.push(place);
  }
  return { stops, places };
}

/** Those on executors that are emptied, and one of those that are to be replaced: one after the other. */
function leavingOf(wanted: readonly Instance[], draining: ReadonlySet<string>): ReadonlySet<Instance> {
  const drained = wanted.filter(({ spec }) => draining.has(spec.executor));
  const replaced = nextReplaced(wanted.filter(({ spec }) => !draining.has(spec.executor)));
  return new Set(replaced ? [...drained, replaced] : drained);
}

/** First what does not work anyhow, then the lowest ordinals. */
function nextReplaced(instances: readonly Instance[]): Instance | undefined {
  return instances
    .filter(({ spec }) => spec.replace)
    .toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)) || a.spec.ordinal - b.spec.ordinal)[0];
}

/** The `count` that are missed least: what is not ready, what is to be replaced anyhow, then the highest ordinals. */
function leastUseful(instances: readonly Instance[], count: number): Instance[] {
  if (count <= 0) return [];
  return instances
    .toSorted(
      (a, b) =>
        Number(isReady(a)) - Number(isReady(b)) ||
        Number(b.spec.replace) - Number(a.spec.replace) ||
        b.spec.ordinal - a.spec.ordinal,
    )
    .slice(0, count);
}
