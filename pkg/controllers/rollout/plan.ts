import type { Canary, RolloutStatus } from '../../gen/gilliam/v1/rollout';
import { RolloutPhase, RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { isAuxiliary } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import type { Scale } from '../../resource/objects';
import { DEFAULT_SURGE, isUnderWay } from '../../resource/rollout';
import { areReady, moveWhole, putBack } from './auxiliary-step';
import { FactorChanges } from './factor-changes';
import type { ProcessFleet, RolloutView } from './fleet';
import { fleetOf, isSettled } from './fleet';
import { back, forward, isReached, stageOf } from './process-step';
import type { ProcessStep } from './process-step';
import type { Verdict } from './verdict';
import { deadlineMs, stalled, verdictOf } from './verdict';

/** Something to be told to people. */
export interface Told {
  readonly reason: string;
  readonly message: string;
  readonly warning?: boolean;
}

/** One step: factors and status are written together. */
export interface RolloutPlan {
  /** With the factors that they are to have; only those that differ. Without a revision: to be made. */
  readonly scales: readonly Scale[];
  /** Undefined where it stays as it is. */
  readonly status?: RolloutStatus;
  readonly told: readonly Told[];
  /** When to look again even if nothing changes. */
  readonly requeueAfterMs?: number;
}

const { PROGRESSING, PAUSED, ABORTING, ABORTED, SUCCEEDED } = RolloutPhase;
/** How often requests are judged while nothing else happens. */
const JUDGE_MS = 5_000;
const nothing: RolloutPlan = { scales: [], told: [] };

/** The next step of a rollout. See docs/rollouts.md. */
export function planRollout(view: RolloutView): RolloutPlan {
  const { rollout } = view;
  const { spec, status } = rollout;
  if (!isUnderWay(rollout)) return nothing;
  if (status.phase === ABORTING) return planBack(view);
  if (spec.intent === RolloutSpec_Intent.ABORT) {
    return turnBack(view, { reason: 'Requested', message: 'it was asked for' });
  }
  const verdict = verdictOf(view);
  if (verdict) return turnBack(view, verdict);
  if (status.phase === PAUSED && spec.intent !== RolloutSpec_Intent.PROMOTE) {
    return { ...nothing, requeueAfterMs: JUDGE_MS };
  }
  return planForward(view);
}

function planForward(view: RolloutView): RolloutPlan {
  if (!isSettled(view)) return { ...nothing, requeueAfterMs: JUDGE_MS };
  const { spec, status } = view.rollout;
  const changes = new FactorChanges(view);
  const paused = spec.canary !== undefined && spec.intent !== RolloutSpec_Intent.PROMOTE;
  changes.setTraffic(spec.to, paused ? spec.canary?.trafficPercent : undefined);
  const fleets = fleetOf(view);
  const { auxiliary, processes, missing } = sorted(fleets);
  const reached = advance(view, { auxiliary, processes, paused }, changes);
  if (!reached) {
    const late = changes.none ? stalled(view) : undefined;
    if (late) return turnBack(view, late);
    const waitMs = Math.min(JUDGE_MS, Math.max(1, deadlineMs(spec) - view.sinceStepMs));
    return { ...stepOf(view, changes, PROGRESSING), requeueAfterMs: soonest(view, waitMs) };
  }
  if (paused) {
    const message = `${inWords(view, changes)}: promote or abort`;
    const told = { reason: 'Paused', message: `the rollout to ${spec.to} is at its canary: ${message}` };
    return { ...stepOf(view, changes, PAUSED, message), told: [told], requeueAfterMs: JUDGE_MS };
  }
  // What the new release lacks goes last: until then everything can be taken back.
  for (const fleet of missing) changes.setProcess(fleet, { old: fleet.old.map(() => 0), next: 0 });
  for (const release of spec.from) changes.setTraffic(release, undefined);
  const from = spec.from.length > 0 ? ` from ${spec.from.join(' and ')}` : '';
  const message = `${spec.to} has taken over${from}`;
  const seconds = status.started ? (view.now.getTime() - status.started.getTime()) / 1_000 : 0;
  const told = { reason: 'Succeeded', message: `${message} in ${Math.max(0, Math.round(seconds))} s` };
  return { ...stepOf(view, changes, SUCCEEDED, message), told: [told] };
}

interface Part {
  readonly auxiliary: readonly ProcessFleet[];
  readonly processes: readonly ProcessFleet[];
  readonly paused: boolean;
}

/** Plans the next step, and says whether the stage is reached with it. */
function advance(view: RolloutView, { auxiliary, processes, paused }: Part, changes: FactorChanges): boolean {
  const { spec } = view.rollout;
  const moved = auxiliary.map((fleet) => changes.setProcess(fleet, moveWhole(fleet)));
  if (moved.includes(true) || !areReady(view, auxiliary)) return false;
  const stages = processes.map((fleet) => ({
    fleet,
    stage: stageOf(fleet, paused ? canaryOf(spec.canary, fleet.next.goal) : undefined),
  }));
  // Those that are behind go first, so that none waits for all of another.
  const order = stages.toSorted((a, b) => progress(a.fleet) - progress(b.fleet));
  const begun = processes.some(({ next }) => next.factor > next.original);
  const mayStep = view.sinceStepMs >= spec.paceMs || !begun;
  let budget = spec.paceMs === 0 || spec.immediate ? Infinity : Number(mayStep);
  let reached = true;
  for (const { fleet, stage } of order) {
    const surge = spec.immediate ? Infinity : spec.surge || DEFAULT_SURGE;
    const stay: ProcessStep = { old: fleet.old.map(({ factor }) => factor), next: fleet.next.factor };
    const step = mayStep ? forward(fleet, stage, { surge, budget, hasty: spec.immediate }) : stay;
    budget -= step.next - fleet.next.factor;
    changes.setProcess(fleet, step);
    reached &&= isReached(fleet, stage, step);
  }
  return reached;
}

function planBack(view: RolloutView): RolloutPlan {
  const { spec, status } = view.rollout;
  const changes = new FactorChanges(view);
  const fleets = fleetOf(view);
  const settled = isSettled(view);
  for (const fleet of fleets) {
    const step = isAuxiliary(fleet.process) ? putBack(fleet) : back(fleet);
    // What is old comes back at once; what is new goes for what is known to stay.
    changes.setProcess(fleet, settled ? step : { ...step, next: Math.max(step.next, fleet.next.factor) });
  }
  for (const release of spec.from) changes.setTraffic(release, original(view, release));
  const over = fleets.every(({ process, next }) => changes.factor(spec.to, process) === next.original);
  if (!over) return { ...stepOf(view, changes, ABORTING), requeueAfterMs: JUDGE_MS };
  // Not before: its share would be that of its number, and it is not wanted.
  changes.setTraffic(spec.to, original(view, spec.to));
  const message = `${status.message}; the factors are as they were`;
  const told = { reason: 'Aborted', message: `the rollout to ${spec.to} is taken back` };
  return { ...stepOf(view, changes, ABORTED, message), told: [told] };
}

/** The reason is written with the first step back. */
function turnBack(view: RolloutView, { reason, message }: Verdict): RolloutPlan {
  const { rollout, now } = view;
  const said = message.slice(0, 800);
  const status = { ...rollout.status, phase: ABORTING, reason, message: said, changed: now };
  const plan = planBack({ ...view, rollout: { ...rollout, status } });
  const told = {
    reason: 'Aborting',
    message: `the rollout to ${rollout.spec.to} is aborted (${reason}): ${said}`,
    warning: reason !== 'Requested',
  };
  return { ...plan, status: plan.status ?? status, told: [told, ...plan.told] };
}

/** The step with the status that it comes with; none where nothing is different. */
function stepOf(
  view: RolloutView,
  changes: FactorChanges,
  phase: RolloutPhase,
  message?: string,
): Pick<RolloutPlan, 'scales' | 'status' | 'told'> {
  const { rollout, now } = view;
  const before = rollout.status;
  const scales = changes.scales();
  const observedGeneration = rollout.metadata.generation;
  const moves = before.phase !== phase;
  if (scales.length === 0 && !moves && before.observedGeneration === observedGeneration) {
    // A status that was changed on the way here is still to be written.
    return { scales, told: [] };
  }
  const said = phase === ABORTING ? before.message : (message ?? inWords(view, changes));
  return {
    scales,
    told: [],
    status: {
      ...before,
      ...{ observedGeneration, phase, message: said },
      stepped: scales.length > 0 ? now : before.stepped,
      changed: moves ? now : before.changed,
    },
  };
}

/** `web: v2 7, v3 3 of 10` */
function inWords({ rollout, ...view }: RolloutView, changes: FactorChanges): string {
  const { to, from } = rollout.spec;
  const parts = fleetOf({ rollout, ...view }).map(({ process, next }) => {
    const old = from.map((release) => `${release} ${changes.factor(release, process)}`);
    return `${process}: ${[...old, `${to} ${changes.factor(to, process)} of ${next.goal}`].join(', ')}`;
  });
  return parts.join('; ');
}

function sorted(fleets: readonly ProcessFleet[]) {
  const there = fleets.filter(({ next }) => next.goal > 0);
  return {
    auxiliary: there.filter(({ process }) => isAuxiliary(process)),
    processes: there.filter(({ process }) => !isAuxiliary(process)),
    missing: fleets.filter(({ next }) => next.goal === 0),
  };
}

/** How many instances stop the rollout at its canary. */
export function canaryOf(canary: Canary | undefined, goal: number): number | undefined {
  const size = canary?.size;
  if (!size) return undefined;
  return size.$case === 'instances' ? size.value : Math.ceil((goal * size.value) / 100);
}

function progress({ next }: ProcessFleet): number {
  return next.factor / next.goal;
}

/** When something may have come due: an instance's health, or the pace. */
function soonest(view: RolloutView, waitMs: number): number {
  const { spec } = view.rollout;
  const due = view.instances
    .filter((instance) => instance.spec.release === spec.to)
    .map((instance) => spec.waitHealthyMs - view.sameForMs(instance));
  const left = [...due, spec.paceMs - view.sinceStepMs].filter((ms) => ms > 0);
  return Math.min(waitMs, ...left);
}

function original({ rollout }: RolloutView, release: string): number | undefined {
  return entryOf(rollout.status.original, release)?.trafficPercent;
}
