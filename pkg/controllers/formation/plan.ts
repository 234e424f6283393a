import { InstanceSpec_Desired } from '../../gen/gilliam/v1/instance';
import { entryOf } from '../../resource/entries';
import { isFinished, isWanted } from '../../resource/instance';
import type { Formation, Instance, Release, Scale } from '../../resource/objects';
import { compareReleaseNames } from '../../resource/release-name';
import { cohortsOf, type Cohort } from './cohort';
import { planProcess } from './process-plan';
import type { Creation, Waiting } from './process-plan';
import { scaleStatus } from './scale-status';

/** What a formation's plan is made of: read at one moment, never changed. */
export interface FormationView {
  /** Absent when it is gone. */
  readonly formation: Formation | undefined;
  readonly scales: readonly Scale[];
  readonly releases: readonly Release[];
  /** All of the formation that are remembered, finished ones too. */
  readonly instances: readonly Instance[];
  /** The names of the executors that are being emptied. */
  readonly draining: ReadonlySet<string>;
  /** For how long a failed instance has been known to have failed. */
  failedForMs(instance: Instance): number;
  readonly now: Date;
}

export interface FormationPlan {
  readonly creates: readonly Creation[];
  /** To be asked to stop: their executors do it. */
  readonly stops: readonly Instance[];
  /** Wished stopped and never placed: nobody else will say that they have. */
  readonly finishes: readonly Instance[];
  /** With the status that they have now; only those that differ. */
  readonly scales: readonly Scale[];
  /** Failed ones whose replacement has to wait. */
  readonly waiting: readonly Waiting[];
}

/** Makes the living instances what the scale factors say. See "Formation plan" in docs/architecture.md. */
export function planFormation(view: FormationView): FormationPlan {
  const deleted = !view.formation || view.formation.metadata.deleted !== undefined;
  const scales = view.scales.toSorted((a, b) => compareReleaseNames(a.metadata.name, b.metadata.name));
  const cohorts = cohortsOfAll(view, deleted);
  const plans = [...cohorts].map(([process, own]) =>
    planProcess({
      process,
      instances: view.instances.filter((instance) => instance.spec.process === process),
      cohorts: own,
      draining: view.draining,
      failedForMs: (instance) => view.failedForMs(instance),
    }),
  );
  const stops = [
    ...plans.flatMap((plan) => plan.stops),
    ...(deleted ? view.instances.filter((instance) => instance.spec.oneOff && isWanted(instance)) : []),
  ];
  const waiting = plans.flatMap((plan) => plan.waiting);
  const status = (scale: Scale) => scaleStatus(scale, { ...view, cohorts, waiting });
  return {
    creates: plans.flatMap((plan) => plan.creates),
    stops: stops.filter(isPlaced),
    finishes: [
      ...stops.filter((instance) => !isPlaced(instance)),
      ...view.instances.filter((instance) => isLeftOver(instance)),
    ],
    scales: deleted
      ? []
      : scales.flatMap((scale) => {
          const now = status(scale);
          return now === scale.status ? [] : [{ ...scale, status: now }];
        }),
    waiting,
  };
}

/** Process → its cohorts, for all that have a factor or an instance; in one order whatever the order of the view. */
function cohortsOfAll(view: FormationView, deleted: boolean): ReadonlyMap<string, readonly Cohort[]> {
  const releases = new Map(view.releases.map((release) => [release.metadata.name, release]));
  const factors = new Map<string, Map<string, number>>();
  const factorsOf = (process: string): Map<string, number> => {
    const known = factors.get(process) ?? new Map<string, number>();
    factors.set(process, known);
    return known;
  };
  for (const { metadata, spec } of view.scales) {
    for (const [process, factor] of Object.entries(spec.factors)) {
      if (factor > 0) factorsOf(process).set(metadata.name, deleted ? 0 : factor);
    }
  }
  for (const instance of view.instances) {
    if (instance.spec.oneOff || isFinished(instance.status.state)) continue;
    const known = factorsOf(instance.spec.process);
    if (!known.has(instance.spec.release)) known.set(instance.spec.release, 0);
  }
  const definition = (release: string, process: string) => {
    const known = releases.get(release);
    return known && entryOf(known.spec.processes, process);
  };
  return new Map(
    [...factors.keys()].sort().map((process) => {
      const demands = [...factorsOf(process)].map(([release, factor]) => {
        return { release, factor, definition: definition(release, process) };
      });
      return [process, cohortsOf(demands)];
    }),
  );
}

function isPlaced(instance: Instance): boolean {
  return instance.spec.executor !== '';
}

/** Asked to stop before it was placed. */
function isLeftOver(instance: Instance): boolean {
  const { desired } = instance.spec;
  return (
    desired === InstanceSpec_Desired.STOPPED && !isPlaced(instance) && !isFinished(instance.status.state)
  );
}
