import type { Canary } from '../../gen/gilliam/v1/rollout';
import { RolloutPhase, RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { isAuxiliary } from '../../resource/auxiliary';
import { DEFAULT_SURGE, isUnderWay } from '../../resource/rollout';
import { areReady, moveWhole } from './auxiliary-step';
import { FactorChanges } from './factor-changes';
import type { ProcessFleet, RolloutView } from './fleet';
import { fleetOf, isSettled } from './fleet';
import { planBack, turnBack } from './plan-back';
import { forward, isReached, stageOf } from './process-step';
import type { ProcessStep } from './process-step';
import type { RolloutPlan } from './step';
import { inWords, JUDGE_MS, nothing, stepOf } from './step';
import { deadlineMs, stalled, verdictOf } from './verdict';

const { PROGRESSING, PAUSED, ABORTING, SUCCEEDED } = RolloutPhase;

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
    return { ...stepOf(view, changes, PAUSED, { message }), told: [told], requeueAfterMs: JUDGE_MS };
  }
  // What the new release lacks goes last: until then everything can be taken back.
  for (const fleet of missing) changes.setProcess(fleet, { old: fleet.old.map(() => 0), next: 0 });
  for (const release of spec.from) changes.setTraffic(release, undefined);
  const from = spec.from.length > 0 ? ` from ${spec.from.join(' and ')}` : '';
  const message = `${spec.to} has taken over${from}`;
  const seconds = status.started ? (view.now.getTime() - status.started.getTime()) / 1_000 : 0;
  const told = { reason: 'Succeeded', message: `${message} in ${Math.max(0, Math.round(seconds))} s` };
  return { ...stepOf(view, changes, SUCCEEDED, { message }), told: [told] };
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
    budget -= Math.max(0, step.next - fleet.next.factor);
    changes.setProcess(fleet, step);
    reached &&= isReached(fleet, stage, step);
  }
  return reached;
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
