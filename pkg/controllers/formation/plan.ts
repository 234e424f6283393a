import { InstanceSpec_Desired } from '../../gen/gilliam/v1/instance';
import { entryOf } from '../../resource/entries';
import { isFinished } from '../../resource/instance';
import type { Formation, Instance, Release, Scale } from '../../resource/objects';
import { compareReleaseNames } from '../../resource/release-name';
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
  const plans = processesOf(view).map((process) =>
    planProcess({
      process,
      instances: view.instances.filter((instance) => instance.spec.process === process),
      demands: scales.map((scale) => ({
        release: scale.metadata.name,
        factor: deleted ? 0 : (entryOf(scale.spec.factors, process) ?? 0),
        possible: hasProcess(view.releases, scale.metadata.name, process),
      })),
      draining: view.draining,
      failedForMs: (instance) => view.failedForMs(instance),
    }),
  );
  const stops = plans.flatMap((plan) => plan.stops);
  const waiting = plans.flatMap((plan) => plan.waiting);
  return {
    creates: plans.flatMap((plan) => plan.creates),
    stops: stops.filter(isPlaced),
    finishes: [
      ...stops.filter((instance) => !isPlaced(instance)),
      ...view.instances.filter((instance) => isLeftOver(instance)),
    ],
    scales: deleted ? [] : scales.flatMap((scale) => withStatus(scale, view, waiting)),
    waiting,
  };
}

/** All that have a factor or an instance, in one order whatever the order of the view. */
function processesOf(view: FormationView): string[] {
  const names = new Set(view.instances.map((instance) => instance.spec.process));
  for (const scale of view.scales) for (const name of Object.keys(scale.spec.factors)) names.add(name);
  return [...names].sort();
}

function hasProcess(releases: readonly Release[], name: string, process: string): boolean {
  const release = releases.find((candidate) => candidate.metadata.name === name);
  return release !== undefined && entryOf(release.spec.processes, process) !== undefined;
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

function withStatus(scale: Scale, view: FormationView, waiting: readonly Waiting[]): Scale[] {
  const status = scaleStatus(scale, view.instances, waiting, view.now);
  return status === scale.status ? [] : [{ ...scale, status }];
}
