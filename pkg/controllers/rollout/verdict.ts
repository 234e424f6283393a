import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { RolloutSpec } from '../../gen/gilliam/v1/rollout';
import { entryOf } from '../../resource/entries';
import { isFinished, isWanted, shortName } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import { causeOfRestart } from '../../resource/restart-message';
import { DEFAULT_PROGRESS_DEADLINE_MS } from '../../resource/rollout';
import { isReady } from '../formation/process-plan';
import type { ReleaseTraffic, RolloutView } from './fleet';
import { sum } from './fleet';

/** Why a rollout is aborted. */
export interface Verdict {
  /** CamelCase: `CrashLoop`. */
  readonly reason: string;
  /** A sentence, for people. */
  readonly message: string;
}

export interface Thresholds {
  readonly minRequests: number;
  /** A share, 0 to 1. */
  readonly maxErrorShare: number;
  /** 2: twice as slow. */
  readonly maxSlowdown: number;
  readonly maxRestarts: number;
}

/** Faster than this is the scheduler's noise, whatever it was before. */
const NOISE_MS = 10;
/** Standard deviations: by chance one in a thousand. */
const CLEAR = 3.1;

export function thresholdsOf({ gates }: Pick<RolloutSpec, 'gates'>): Thresholds {
  return {
    minRequests: gates?.minRequests || 100,
    maxErrorShare: (gates?.maxErrorPercent || 5) / 100,
    maxSlowdown: 1 + (gates?.maxSlowdownPercent || 100) / 100,
    maxRestarts: gates?.maxRestarts || 3,
  };
}

/** How long a step may take. */
export function deadlineMs(spec: RolloutSpec): number {
  return (spec.progressDeadlineMs || DEFAULT_PROGRESS_DEADLINE_MS) + spec.waitHealthyMs + spec.paceMs;
}

/** Undefined while nothing speaks against the new release. */
export function verdictOf(view: RolloutView): Verdict | undefined {
  const { spec } = view.rollout;
  const own = view.instances.filter(
    ({ spec: { release, oneOff, process } }) =>
      release === spec.to && oneOff === undefined && (entryOf(spec.factors, process) ?? 0) > 0,
  );
  const limits = thresholdsOf(spec);
  return (
    crashLoop(own, view, limits) ??
    failing(own, view, limits) ??
    unhealthy(own, view) ??
    // What a rollback leaves has been found bad already: it is not to be gone back to for answering faster.
    (spec.gates?.ignoreRequests || spec.immediate ? undefined : requests(view, limits))
  );
}

/** What says that the rollout has stood still for too long; only asked while it is to go on. */
export function stalled(view: RolloutView): Verdict | undefined {
  const { spec } = view.rollout;
  const limitMs = deadlineMs(spec);
  if (view.sinceStepMs < limitMs) return undefined;
  const waiting = view.instances.find(
    (instance) => instance.spec.release === spec.to && isWanted(instance) && !isReady(instance),
  );
  const since = `for ${inWords(limitMs)}`;
  if (!waiting) return { reason: 'NoProgress', message: `there was no progress ${since}` };
  const { state, message } = waiting.status;
  const name = `${shortName(waiting)} of ${spec.to}`;
  const why = message ? `: ${message}` : '';
  return state === InstanceState.PENDING
    ? { reason: 'NoProgress', message: `${name} could not be placed ${since}${why}` }
    : { reason: 'Unhealthy', message: `${name} was not healthy ${since}${why}` };
}

/** Of restarts since the rollout began: what an instance has come through before says nothing of it. */
function crashLoop(
  own: readonly Instance[],
  { rollout }: RolloutView,
  { maxRestarts }: Thresholds,
): Verdict | undefined {
  const restartsOf = ({ metadata, status }: Instance) =>
    status.restarts - (entryOf(rollout.status.restarts, metadata.uid) ?? 0);
  const looping = own.find((instance) => isWanted(instance) && restartsOf(instance) >= maxRestarts);
  if (!looping) return undefined;
  const { exitCode, message } = looping.status;
  const restarts = restartsOf(looping);
  const exit = exitCode === undefined ? '' : `, last with exit code ${exitCode}`;
  const cause = causeOfRestart(message);
  const said = cause ? `: ${cause}` : '';
  return {
    reason: 'CrashLoop',
    message: `${shortName(looping)} of ${looping.spec.release} was restarted ${times(restarts)}${exit}${said}`,
  };
}

/** Whose container cannot even be made, try after try. */
function failing(
  own: readonly Instance[],
  { rollout }: RolloutView,
  { maxRestarts }: Thresholds,
): Verdict | undefined {
  const { started = new Date(0) } = rollout.status;
  const failed = own.find(
    ({ metadata: { created = new Date(0) }, spec, status }) =>
      // Others may be remembered from an earlier try.
      created > started &&
      status.state === InstanceState.FAILED &&
      (spec.failedBefore ?? 0) + 1 >= maxRestarts,
  );
  if (!failed) return undefined;
  const { spec, status } = failed;
  const why = status.message || status.reason || 'it says not why';
  return {
    reason: 'Unhealthy',
    message: `${shortName(failed)} of ${spec.release} failed ${times((spec.failedBefore ?? 0) + 1)} in a row: ${why}`,
  };
}

/** Has run, and has not been ready since for as long as a new one may take. */
function unhealthy(own: readonly Instance[], view: RolloutView): Verdict | undefined {
  const limitMs = deadlineMs(view.rollout.spec);
  const sick = own.find(
    (instance) =>
      isWanted(instance) &&
      !isFinished(instance.status.state) &&
      instance.status.state === InstanceState.RUNNING &&
      !instance.status.ready &&
      view.sameForMs(instance) >= limitMs,
  );
  if (!sick) return undefined;
  const why = sick.status.message ? `: ${sick.status.message}` : '';
  return {
    reason: 'Unhealthy',
    message: `${shortName(sick)} of ${sick.spec.release} has not been healthy for ${inWords(limitMs)}${why}`,
  };
}

function requests({ rollout, traffic }: RolloutView, limits: Thresholds): Verdict | undefined {
  const { to, from } = rollout.spec;
  for (const next of traffic.filter(({ release }) => release === to)) {
    const old = traffic.filter(({ release, service }) => service === next.service && from.includes(release));
    const verdict = compare(next, old, limits);
    if (verdict) return verdict;
  }
  return undefined;
}

/** The one against the others over the same time. Both need enough requests: of few nothing is clear. */
export function compare(
  next: ReleaseTraffic,
  old: readonly ReleaseTraffic[],
  limits: Thresholds,
): Verdict | undefined {
  const requests = sum(old, (one) => one.requests);
  if (next.requests < limits.minRequests || requests < limits.minRequests) return undefined;
  const errors = sum(old, (one) => one.errors);
  const [share, before] = [next.errors / next.requests, errors / requests];
  const what = `${next.service} of ${next.release}`;
  const against = old.map(({ release }) => release).join(' and ');
  if (share - before > limits.maxErrorShare && isClear(next, { requests, errors })) {
    return {
      reason: 'ErrorRate',
      message: `${percent(share)} of ${next.requests} requests to ${what} failed, ${percent(before)} of ${requests} to ${against}`,
    };
  }
  // What fails does so fast: its time says nothing.
  if (before - share > limits.maxErrorShare) return undefined;
  const slowest = Math.max(...old.map(({ p95Ms = 0 }) => p95Ms));
  const p95Ms = next.p95Ms ?? 0;
  if (slowest > 0 && p95Ms > slowest * limits.maxSlowdown && p95Ms > NOISE_MS) {
    return {
      reason: 'Latency',
      message: `95 of 100 requests to ${what} took up to ${p95Ms} ms, to ${against} ${slowest} ms`,
    };
  }
  return undefined;
}

/** Whether two shares of errors differ by more than chance does. */
function isClear(
  one: Pick<ReleaseTraffic, 'requests' | 'errors'>,
  other: Pick<ReleaseTraffic, 'requests' | 'errors'>,
): boolean {
  const pooled = (one.errors + other.errors) / (one.requests + other.requests);
  const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / one.requests + 1 / other.requests));
  return one.errors / one.requests - other.errors / other.requests > CLEAR * deviation;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}

function inWords(ms: number): string {
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.round(ms / 1_000)} seconds`;
}
