import { setMaxListeners } from 'node:events';
import { deadline, sleep } from '../../../pkg/base/clock';
import { DeadlineError, NotFoundError, PreconditionError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import { type Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { type Rollout, RolloutPhase } from '../../../pkg/gen/gilliam/v1/rollout';
import type { Scale } from '../../../pkg/gen/gilliam/v1/scale';
import { isFinished } from '../../../pkg/resource/instance';
import type { Context } from '../context';
import { InterruptedError } from './describe-error';
import { formatDuration } from './duration';
import { compareProcesses } from './factors';
import { listInstances } from './follow-instances';
import { shortName, shownState } from './instance-line';
import { mapBounded } from './map-bounded';
import type { Progress } from './progress';
import { listScales } from './scales';

// The rollout and the instances are both looked at: one at a time would tell half of it.
const lookMs = 300;
const concurrency = 8;
/** A machine that was away for a moment is back sooner than that. */
const hopelessMs = 20_000;
/** Who has failed so often in a row does not start by itself. */
const hopelessRestarts = 5;

export interface AppliedGoal {
  readonly formation: string;
  /** Whether a rollout was begun. */
  readonly rollout: boolean;
}

/** What a formation has come to. */
export type Arrival = 'running' | 'paused';

/**
 * Waits until a formation is what was applied: its rollout at an end or at the canary, its instances running. Throws
 * PreconditionError when the rollout is taken back or an instance cannot run for a while, DeadlineError saying what
 * stands in the way.
 */
export async function waitForApplied(
  client: Client,
  context: Pick<Context, 'clock' | 'signal'>,
  goals: readonly AppliedGoal[],
  { timeoutMs, progress }: { readonly timeoutMs: number; readonly progress: Progress },
): Promise<ReadonlyMap<string, Arrival>> {
  const limit = deadline(context.clock, timeoutMs, context.signal);
  // Every call of those that are made at once listens to it.
  setMaxListeners(0, limit.signal);
  const arrived = new Map<string, Arrival>();
  let left = goals;
  let last: readonly FormationProgress[] = [];
  const hopelessSince = new Map<string, number>();
  try {
    for (;;) {
      last = await mapBounded(left, concurrency, (goal) => look(client, goal, limit.signal));
      for (const each of last) if (each.arrival) arrived.set(each.formation, each.arrival);
      left = left.filter(({ formation }) => !arrived.has(formation));
      if (left.length === 0) return arrived;
      for (const each of last) giveUp(each, hopelessSince, context.clock.monotonic());
      const waiting = last.filter(({ arrival }) => !arrival);
      progress.update(waiting.map(({ formation, summary }) => `${formation} ${summary}`).join(' · '));
      await sleep(context.clock, lookMs, limit.signal);
    }
  } catch (error) {
    if (context.signal.aborted) {
      throw new InterruptedError(
        'interrupted while waiting: what is applied so far stays, though not all of it runs yet: gilliam status',
        {
          cause: error,
        },
      );
    }
    if (limit.signal.aborted) throw tooLate(last, timeoutMs);
    throw error;
  } finally {
    limit.dispose();
  }
}

/** Throws when the formation has had an instance for a while that cannot run as it is. */
function giveUp(
  { formation, summary, hopeless }: FormationProgress,
  since: Map<string, number>,
  nowMs: number,
): void {
  if (hopeless === undefined) {
    since.delete(formation);
    return;
  }
  const firstMs = since.get(formation) ?? nowMs;
  since.set(formation, firstMs);
  if (nowMs - firstMs < hopelessMs) return;
  throw new PreconditionError(`applied, but ${formation} has ${summary}: ${hopeless}`);
}

/** The formations among these of which an instance does not run. */
export async function notRunning(
  client: Client,
  formations: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<string[]> {
  if (formations.size === 0) return [];
  const { items } = await listInstances(client, { parent: 'formations/-', showFinished: false }, signal);
  const found = items.flatMap(({ metadata, spec, status }) => {
    const runs = status?.state === InstanceState.RUNNING && status.ready;
    return runs || spec?.oneOff !== undefined ? [] : [metadata?.formation ?? ''];
  });
  return [...new Set(found)].filter((formation) => formations.has(formation));
}

interface FormationProgress {
  readonly formation: string;
  readonly arrival?: Arrival;
  readonly summary: string;
  readonly obstacle?: string;
  /** An obstacle that does not go away by itself. */
  readonly hopeless?: string;
}

async function look(client: Client, goal: AppliedGoal, signal: AbortSignal): Promise<FormationProgress> {
  const { formation } = goal;
  const parent = `formations/${formation}`;
  const [rollout, { items }, scales] = await Promise.all([
    goal.rollout ? currentRollout(client, parent, signal) : undefined,
    listInstances(client, { parent, showFinished: false }, signal),
    listScales(client, formation, signal),
  ]);
  const phase = rollout?.status?.phase;
  if (rollout && (phase === RolloutPhase.ABORTED || phase === RolloutPhase.ABORTING)) {
    throw new PreconditionError(
      `${formation}: the rollout to ${rollout.spec?.to} was aborted: ${rollout.status?.message || rollout.status?.reason}: gilliam events --formation ${formation}`,
    );
  }
  const counts = countInstances(items, scales);
  const summary = counts.map(({ process, ready, factor }) => `${process} ${ready}/${factor}`).join(', ');
  if (phase === RolloutPhase.PAUSED) return { formation, arrival: 'paused', summary };
  const moving = rollout !== undefined && phase !== RolloutPhase.SUCCEEDED;
  if (!moving && counts.every((count) => count.ready >= count.factor && count.living === count.factor)) {
    return { formation, arrival: 'running', summary };
  }
  const obstacle = obstacleOf(items, () => true);
  // A rollout has a verdict of its own.
  const hopeless = moving ? undefined : obstacleOf(items, isHopeless);
  return {
    ...{ formation, summary },
    ...(obstacle !== undefined && { obstacle }),
    ...(hopeless !== undefined && { hopeless }),
  };
}

async function currentRollout(
  client: Client,
  parent: string,
  signal: AbortSignal,
): Promise<Rollout | undefined> {
  try {
    return (await client.rollouts.getRollout({ name: `${parent}/rollouts/current` }, { signal })).rollout;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

interface Count {
  readonly process: string;
  readonly factor: number;
  readonly living: number;
  readonly ready: number;
}

/** Of all releases together: which of them has an instance is the rollout's affair. */
export function countInstances(instances: readonly Instance[], scales: readonly Scale[]): readonly Count[] {
  const factors = new Map<string, number>();
  for (const { spec } of scales) {
    for (const [process, factor] of Object.entries(spec?.factors ?? {}))
      factors.set(process, (factors.get(process) ?? 0) + factor);
  }
  const counted = instances.filter(
    ({ spec, status }) =>
      spec?.oneOff === undefined && !isFinished(status?.state ?? InstanceState.UNSPECIFIED),
  );
  return [...factors]
    .sort(([left], [right]) => compareProcesses(left, right))
    .map(([process, factor]) => {
      const own = counted.filter(({ spec }) => spec?.process === process);
      return {
        process,
        factor,
        living: own.length,
        ready: own.filter((instance) => shownState(instance) === 'running').length,
      };
    });
}

function isHopeless({ spec, status }: Instance): boolean {
  if (spec?.oneOff !== undefined) return false;
  return status?.reason === 'Unschedulable' || (status?.restarts ?? 0) >= hopelessRestarts;
}

function obstacleOf(
  instances: readonly Instance[],
  counts: (instance: Instance) => boolean,
): string | undefined {
  const instance = instances.find(
    (each) => shownState(each) !== 'running' && each.status?.message && counts(each),
  );
  if (!instance) return undefined;
  return `${shortName(instance)} is ${shownState(instance)}: ${instance.status?.message}: gilliam why ${shortName(instance)} --formation ${instance.metadata?.formation}`;
}

function tooLate(last: readonly FormationProgress[], timeoutMs: number): DeadlineError {
  const waiting = last.filter(({ arrival }) => !arrival);
  const obstacle = waiting.find((each) => each.obstacle !== undefined);
  const what = waiting.map(({ formation, summary }) => `${formation} has ${summary}`).join('; ');
  return new DeadlineError(
    `applied, but after ${formatDuration(timeoutMs)} ${what}: ${obstacle?.obstacle ?? 'gilliam status'}`,
  );
}
