import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import type { Instance } from './objects';

const order = [
  InstanceState.UNSPECIFIED,
  InstanceState.PENDING,
  InstanceState.ASSIGNED,
  InstanceState.PULLING,
  InstanceState.STARTING,
  InstanceState.RUNNING,
  InstanceState.STOPPING,
  InstanceState.STOPPED,
  InstanceState.FAILED,
  InstanceState.LOST,
];

/** Whether the state is final: the instance holds nothing any more, and its ordinal is free. */
export function isFinished(state: InstanceState): boolean {
  return state === InstanceState.STOPPED || state === InstanceState.FAILED || state === InstanceState.LOST;
}

/** Whether an instance in state `from` may come to be in state `to`: the same, or a later one, and none from a final one. */
export function mayBecome(from: InstanceState, to: InstanceState): boolean {
  if (from === to) return true;
  return !isFinished(from) && order.indexOf(to) > order.indexOf(from);
}

/** Wished to run, and not finished. */
export function isWanted(instance: Instance): boolean {
  return instance.spec.desired === InstanceSpec_Desired.RUNNING && !isFinished(instance.status.state);
}

/** What people call it: `web.1`. */
export function shortName(instance: Instance): string {
  return `${instance.spec.process}.${instance.spec.ordinal}`;
}

/**
 * The object's name, the same whoever makes it: that a creation from a stale view is tried twice is refused by the
 * store.
 */
export function instanceName(process: string, ordinal: number, incarnation: number): string {
  return `${process}-${ordinal}-${incarnation}`;
}
