import { InstanceState } from '../../gen/gilliam/v1/instance';
import { Condition_Status } from '../../gen/gilliam/v1/metadata';
import type { Condition } from '../../gen/gilliam/v1/metadata';
import type { ScaleStatus } from '../../gen/gilliam/v1/scale';
import { entryOf } from '../../resource/entries';
import { isFinished, isWanted, shortName } from '../../resource/instance';
import type { Instance, Scale } from '../../resource/objects';
import type { Cohort } from './cohort';
import { isReady } from './process-plan';
import type { Waiting } from './process-plan';

/** The type of the condition that says whether a release runs as it is scaled. */
export const COMPLETE = 'Complete';

/** What a scale's status is made of. */
export interface Observed {
  readonly instances: readonly Instance[];
  /** By process. */
  readonly cohorts: ReadonlyMap<string, readonly Cohort[]>;
  readonly waiting: readonly Waiting[];
  readonly now: Date;
}

/** How a release stands with one process: what counts for it, and how much of that is too much. */
interface Standing {
  readonly process: string;
  readonly factor: number;
  readonly living: readonly Instance[];
  readonly ready: number;
  readonly surplus: number;
}

/** What is observed of a scale; the very status that it has when nothing is different. */
export function scaleStatus(scale: Scale, { instances, cohorts, waiting, now }: Observed): ScaleStatus {
  const standings = [...cohorts].flatMap(([process, own]) => {
    const cohort = own.find(({ releases }) => releases.has(scale.metadata.name));
    return cohort ? [standingOf(scale, process, cohort, instances)] : [];
  });
  const ready = Object.fromEntries(
    standings
      .filter(({ factor, ready }) => factor > 0 || ready > 0)
      .map(({ process, ready }) => [process, ready]),
  );
  const observed = describe(
    standings,
    waiting.filter(({ failed }) => failed.spec.release === scale.metadata.name),
  );
  const before = scale.status.conditions.find((condition) => condition.type === COMPLETE);
  const changed = before?.status === observed.status ? before.changed : now;
  const condition: Condition = { type: COMPLETE, ...observed, changed };
  const status = { observedGeneration: scale.metadata.generation, conditions: [condition], ready };
  return sameStatus(status, scale.status) ? scale.status : status;
}

/** Of what several releases share, each has as much as its factor says, and what is too much is the last one's. */
function standingOf(scale: Scale, process: string, cohort: Cohort, instances: readonly Instance[]): Standing {
  const release = scale.metadata.name;
  const factor = entryOf(scale.spec.factors, process) ?? 0;
  const living = instances.filter(
    ({ spec, status }) =>
      spec.process === process &&
      cohort.releases.has(spec.release) &&
      !spec.oneOff &&
      !isFinished(status.state),
  );
  const ready = living.filter((instance) => isWanted(instance) && isReady(instance)).length;
  const shared = cohort.releases.size > 1;
  const own = living.filter(({ spec }) => spec.release === release).length;
  const surplus = Math.max(0, living.length - cohort.factor);
  return {
    process,
    factor,
    living,
    ready: shared ? Math.min(ready, factor) : ready,
    surplus: Math.min(own, surplus),
  };
}

/** In one line, the counts first and then the first thing that stands in the way. */
function describe(
  standings: readonly Standing[],
  waiting: readonly Waiting[],
): Pick<Condition, 'status' | 'reason' | 'message'> {
  const wished = standings.filter(({ factor }) => factor > 0);
  const counts = wished.map(({ process, ready, factor }) => `${process} ${ready} of ${factor} ready`);
  const surplus = standings.reduce((sum, standing) => sum + standing.surplus, 0);
  if (surplus > 0) counts.push(`${surplus} to stop`);
  const message = counts.join(', ') || 'nothing is to run';
  if (surplus === 0 && wished.every(({ factor, ready }) => ready === factor))
    return { status: Condition_Status.TRUE, reason: 'AllReady', message };

  const status = Condition_Status.FALSE;
  const [failing] = waiting;
  if (failing) {
    const { failed, failures } = failing;
    const times = failures === 1 ? 'once' : `${failures} times in a row`;
    const why = `${shortName(failed)} failed ${times}: ${failed.status.message || failed.status.reason}`;
    return { status, reason: 'Failing', message: `${message}; ${why}` };
  }
  const unplaced = standings
    .flatMap(({ living }) => living)
    .find(({ status: { state, reason } }) => state === InstanceState.PENDING && reason !== '');
  if (unplaced) {
    const why = `${shortName(unplaced)} cannot be placed: ${unplaced.status.message}`;
    return { status, reason: unplaced.status.reason, message: `${message}; ${why}` };
  }
  return { status, reason: 'Progressing', message };
}

function sameStatus(a: ScaleStatus, b: ScaleStatus): boolean {
  return (
    a.observedGeneration === b.observedGeneration &&
    sameCounts(a.ready, b.ready) &&
    a.conditions.length === b.conditions.length &&
    a.conditions.every((condition, index) => sameCondition(condition, b.conditions[index]))
  );
}

function sameCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function sameCondition(a: Condition, b: Condition | undefined): boolean {
  return a.type === b?.type && a.status === b.status && a.reason === b.reason && a.message === b.message;
}
