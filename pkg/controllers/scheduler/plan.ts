import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { isFinished } from '../../resource/instance';
import type { Executor, Instance } from '../../resource/objects';
import type { Schedule, Snapshot } from '../../scheduler/types';

/** The reason of a pending instance that no executor may take now. */
export const UNSCHEDULABLE = 'Unschedulable';

/** The changed instances, as they are to be written. */
export interface AssignmentPlan {
  readonly assigned: readonly Instance[];
  /** Only those whose message is another than before. */
  readonly unplaced: readonly Instance[];
}

/** Waits for an executor. */
export function isPending(instance: Instance): boolean {
  return (
    instance.status.state === InstanceState.PENDING &&
    instance.spec.executor === '' &&
    instance.spec.desired === InstanceSpec_Desired.RUNNING
  );
}

/** Whether new instances may be placed there, whatever their requirements. */
export function takesWork(executor: Executor): boolean {
  const { cordoned, draining } = executor.spec;
  return executor.status.state === ExecutorState.READY && !cordoned && !draining;
}

/**
 * Where all pending instances go. The snapshot may hold whatever there is: what is finished, or is to stop without
 * having been placed, is left out here, and what the scheduler gives to an executor that takes no work is not carried
 * out.
 */
export function planAssignments(snapshot: Snapshot, schedule: Schedule, now: Date): AssignmentPlan {
  const instances = snapshot.instances.filter(
    (instance) =>
      !isFinished(instance.status.state) && (instance.spec.executor !== '' || isPending(instance)),
  );
  if (!instances.some(isPending)) return { assigned: [], unplaced: [] };
  const { executors } = snapshot;
  const { placements, unplaced } = schedule({
    executors,
    instances,
    processOf: (instance) => snapshot.processOf(instance),
    volume: (formation, name) => snapshot.volume?.(formation, name),
  });
  const open = new Set(executors.filter(takesWork).map((executor) => executor.metadata.name));
  return {
    assigned: placements
      .filter(({ instance, executor }) => isPending(instance) && open.has(executor))
      .map(({ instance, executor }) => assign(instance, executor, now)),
    unplaced: unplaced
      .filter(({ instance, message }) => isPending(instance) && !says(instance, message))
      .map(({ instance, message }) => ({
        ...instance,
        status: { ...instance.status, reason: UNSCHEDULABLE, message },
      })),
  };
}

function assign(instance: Instance, executor: string, changed: Date): Instance {
  const { metadata, spec, status } = instance;
  return {
    ...instance,
    metadata: { ...metadata, generation: metadata.generation + 1n },
    spec: { ...spec, executor },
    status: { ...status, state: InstanceState.ASSIGNED, reason: '', message: '', changed },
  };
}

function says(instance: Instance, message: string): boolean {
  return instance.status.reason === UNSCHEDULABLE && instance.status.message === message;
}
