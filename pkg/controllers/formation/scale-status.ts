import { InstanceState } from '../../gen/gilliam/v1/instance';
import { Condition_Status } from '../../gen/gilliam/v1/metadata';
import type { Condition } from '../../gen/gilliam/v1/metadata';
import type { ScaleStatus } from '../../gen/gilliam/v1/scale';
import { entryOf } from '../../resource/entries';
import { isFinished, isWanted, shortName } from '../../resource/instance';
import type { Instance, Scale } from '../../resource/objects';
import { isReady } from './process-plan';
import type { Waiting } from './process-plan';

/** The type of the condition that says whether a release runs as it is scaled. */
export const COMPLETE = 'Complete';

/** What is observed of a scale; the very status that it has when nothing is different. */
export function scaleStatus(
  scale: Scale,
  instances: readonly Instance[],
  waiting: readonly Waiting[],
  now: Date,
): ScaleStatus {
  const release = scale.metadata.name;
  const living = instances.filter(
    (instance) => instance.spec.release === release && !isFinished(instance.status.state),
  );
  const ready = countReady(scale, living);
  const observed = describe(
    scale,
    ready,
    living,
    waiting.filter(({ failed }) => failed.spec.release === release),
  );
  const before = scale.status.conditions.find((condition) => condition.type === COMPLETE);
  const changed = before?.status === observed.status ? before.changed : now;
  const condition: Condition = { type: COMPLETE, ...observed, changed };
  const status = { observedGeneration: scale.metadata.generation, conditions: [condition], ready };
  return sameStatus(status, scale.status) ? scale.status : status;
}

function countReady(scale: Scale, living: readonly Instance[]): Record<string, number> {
  const ready: Record<string, number> = {};
  for (const [process, factor] of Object.entries(scale.spec.factors)) if (factor > 0) ready[process] = 0;
  for (const instance of living) {
    const { process } = instance.spec;
    if (isWanted(instance) && isReady(instance)) ready[process] = (entryOf(ready, process) ?? 0) + 1;
  }
  return ready;
}

/** In one line, the counts first and then the first thing that stands in the way. */
function describe(
  scale: Scale,
  ready: Readonly<Record<string, number>>,
  living: readonly Instance[],
  waiting: readonly Waiting[],
): Pick<Condition, 'status' | 'reason' | 'message'> {
  const factors = Object.entries(scale.spec.factors).filter(([, factor]) => factor > 0);
  const counts = factors.sort().map(([process, factor]) => `${process} ${ready[process]} of ${factor} ready`);
  const surplus = living.length - factors.reduce((sum, [, factor]) => sum + factor, 0);
  if (surplus > 0) counts.push(`${surplus} to stop`);
  const message = counts.join(', ') || 'nothing is to run';
  if (surplus === 0 && factors.every(([process, factor]) => ready[process] === factor))
    return { status: Condition_Status.TRUE, reason: 'AllReady', message };

  const status = Condition_Status.FALSE;
  const [failing] = waiting;
  if (failing) {
    const { failed, failures } = failing;
    const times = failures === 1 ? 'once' : `${failures} times in a row`;
    const why = `${shortName(failed)} failed ${times}: ${failed.status.message || failed.status.reason}`;
    return { status, reason: 'Failing', message: `${message}; ${why}` };
  }
  const unplaced = living.find(
    ({ status: { state, reason } }) => state === InstanceState.PENDING && reason !== '',
  );
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
