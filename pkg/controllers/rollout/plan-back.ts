import { InstanceState } from '../../gen/gilliam/v1/instance';
import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import { isAuxiliary } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import { isWanted, shortName } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import { causeOfRestart } from '../../resource/restart-message';
import { DEFAULT_PROGRESS_DEADLINE_MS } from '../../resource/rollout';
import { isReady } from '../formation/process-plan';
import { putBack } from './auxiliary-step';
import { FactorChanges } from './factor-changes';
import type { ProcessFleet, RolloutView } from './fleet';
import { fleetOf, isSettled, sum } from './fleet';
import { back } from './process-step';
import type { ProcessStep } from './process-step';
import type { RolloutPlan, Told } from './step';
import { JUDGE_MS, stepOf } from './step';
import type { Verdict } from './verdict';

/** How long old instances may take to get ready, one after the other, before what is ready of them has to do. */
const PATIENCE_MS = 60_000;
const { ABORTING, ABORTED } = RolloutPhase;
const { ASSIGNED, PULLING, STARTING } = InstanceState;

/** The next step back, of a rollout that is aborting. */
export function planBack(view: RolloutView): RolloutPlan {
  const { spec, status } = view.rollout;
  const changes = new FactorChanges(view);
  const fleets = fleetOf(view);
  const settled = isSettled(view);
  const forced = status.forced || view.sinceStepMs >= patienceMs(view);
  for (const fleet of fleets) {
    const step = isAuxiliary(fleet.process) ? putBack(fleet) : back(fleet, forced);
    // What is old comes back at once; what is new, or was on its way out, goes for what is known to stay.
    changes.setProcess(fleet, settled ? step : notLess(fleet, step));
  }
  for (const release of spec.from)
    if (hadAny(view, release)) changes.setTraffic(release, original(view, release));
  const over = fleets.every(
    ({ process, old, next }) =>
      changes.factor(spec.to, process) === next.original &&
      old.every((share) => changes.factor(share.release, process) === share.original),
  );
  if (!over) return goingBack(view, changes, forced);
  // Not before: its share would be that of its number, and it is not wanted.
  for (const release of [spec.to, ...spec.from]) changes.setTraffic(release, original(view, release));
  const lacking = forced ? obstaclesOf(view, fleets) : '';
  const message = `${status.message}; the factors are as they were${lacking && `, but not all of it is ready: ${lacking}`}`;
  const told: Told = {
    reason: 'Aborted',
    message: cut(`the rollout to ${spec.to} is taken back${lacking && `, but not all is ready: ${lacking}`}`),
    warning: lacking !== '',
  };
  return { ...stepOf(view, changes, ABORTED, { message: cut(message) }), told: [told] };
}

/** The reason is written with the first step back. */
export function turnBack(view: RolloutView, { reason, message }: Verdict): RolloutPlan {
  const { rollout, now } = view;
  const said = message.slice(0, 800);
  const status = { ...rollout.status, phase: ABORTING, reason, message: said, changed: now };
  // What the way there has waited for is not the way back's.
  const plan = planBack({ ...view, sinceStepMs: 0, rollout: { ...rollout, status } });
  const told = {
    reason: 'Aborting',
    message: `the rollout to ${rollout.spec.to} is aborted (${reason}): ${said}`,
    warning: reason !== 'Requested',
  };
  return { ...plan, status: { ...(plan.status ?? status), stepped: now }, told: [told, ...plan.told] };
}

function goingBack(view: RolloutView, changes: FactorChanges, forced: boolean): RolloutPlan {
  const { spec, status } = view.rollout;
  // Whoever else there is gets all of it; where there is nobody else, a share of nothing is no reason to answer nothing.
  if (forced) changes.setTraffic(spec.to, 0);
  const late = forced || view.sinceStepMs >= JUDGE_MS;
  const waiting = late ? obstaclesOf(view, fleetOf(view)) : '';
  const told: Told[] = [];
  if (waiting !== '' && status.waiting === '') {
    const message = cut(`the way back from ${spec.to} waits: ${waiting}`);
    told.push({ reason: 'AbortWaits', message, warning: true });
  }
  if (forced && !status.forced) {
    const old = spec.from.join(' and ');
    const message = `${old} did not get ready in time: ${spec.to} is sent no more requests where any of ${old} is ready, and goes there`;
    told.push({ reason: 'AbortForced', message, warning: true });
  }
  const step = stepOf(view, changes, ABORTING, { waiting: cut(waiting), forced });
  return { ...step, told, requeueAfterMs: soon(view) };
}

/** `web: 2 of 4 of v1 are ready (web.3 is pending: no executor …)`; empty where all are. */
function obstaclesOf(view: RolloutView, fleets: readonly ProcessFleet[]): string {
  const lines = fleets.flatMap(({ process, old }) => {
    const lacking = old.filter((share) => share.ready < share.original);
    if (lacking.length === 0) return [];
    const releases = lacking.map(({ release }) => release);
    const ready = sum(lacking, (share) => share.ready);
    const wished = sum(lacking, (share) => share.original);
    const instance = stuck(view.instances, process, releases);
    const why = instance ? ` (${inShort(instance)})` : '';
    return [`${process}: ${ready} of ${wished} of ${releases.join(' and ')} are ready${why}`];
  });
  return lines.join('; ');
}

/** Of those that are to run and do not, the first; one that comes up is the last to be named. */
function stuck(instances: readonly Instance[], process: string, releases: readonly string[]) {
  const lacking = instances.filter(
    (instance) => instance.spec.process === process && isLacking(instance, releases),
  );
  return lacking.toSorted(
    (a, b) => Number(isComing(a)) - Number(isComing(b)) || a.spec.ordinal - b.spec.ordinal,
  )[0];
}

function isLacking(instance: Instance, releases: readonly string[]): boolean {
  const { release, oneOff } = instance.spec;
  return releases.includes(release) && oneOff === undefined && isWanted(instance) && !isReady(instance);
}

/** It may just be slow to start: it has not ended yet, and nothing keeps it from going on. */
function isComing({ status: { state, restarts } }: Instance): boolean {
  return restarts === 0 && (state === ASSIGNED || state === PULLING || state === STARTING);
}

function inShort(instance: Instance): string {
  const { state, message } = instance.status;
  const name = state.replace('INSTANCE_STATE_', '').toLowerCase();
  // Without the number of a restart: the same is said once.
  const cause = causeOfRestart(message);
  return `${shortName(instance)} is ${name}${cause && `: ${cause}`}`;
}

/** As long as all that is lacking still comes up, as long as a rollout may stand still; else a minute. */
function patienceMs({ rollout: { spec }, instances }: RolloutView): number {
  const deadlineMs = spec.progressDeadlineMs || DEFAULT_PROGRESS_DEADLINE_MS;
  const lacking = instances.filter((instance) => isLacking(instance, spec.from));
  const coming = lacking.length > 0 && lacking.every(isComing);
  return coming ? deadlineMs : Math.min(PATIENCE_MS, deadlineMs);
}

function soon(view: RolloutView): number {
  const left = patienceMs(view) - view.sinceStepMs;
  return left > 0 ? Math.min(JUDGE_MS, left) : JUDGE_MS;
}

function cut(text: string): string {
  return text.length > 1_000 ? `${text.slice(0, 999)}…` : text;
}

function notLess({ old, next }: ProcessFleet, step: ProcessStep): ProcessStep {
  return {
    old: old.map(({ factor }, index) => Math.max(step.old[index] ?? 0, factor)),
    next: Math.max(step.next, next.factor),
  };
}

function hadAny({ rollout }: RolloutView, release: string): boolean {
  return Object.keys(entryOf(rollout.status.original, release)?.factors ?? {}).length > 0;
}

function original({ rollout }: RolloutView, release: string): number | undefined {
  return entryOf(rollout.status.original, release)?.trafficPercent;
}
