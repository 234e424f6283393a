import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import type { Task } from './task';

/** What is to become of one instance here. */
export type Wish =
  /** It runs. */
  | { readonly kind: 'run'; readonly task: Task }
  /** It stops, and that is reported. */
  | { readonly kind: 'stop'; readonly task: Task }
  /** It has failed: it does not run, and its container is kept for its logs. */
  | { readonly kind: 'rest'; readonly task: Task }
  /** Nothing of it is left here, from `notBeforeMs` of the monotonic clock on. Nobody waits for a report. */
  | { readonly kind: 'gone'; readonly notBeforeMs: number }
  /** Nobody has said yet, because the control plane has not been heard: what runs is kept running. */
  | { readonly kind: 'keep' };

export function wishOf(task: Task): Wish {
  const { spec, status } = task.instance;
  switch (status.state) {
    case InstanceState.LOST:
    case InstanceState.STOPPED:
      return { kind: 'gone', notBeforeMs: 0 };
    case InstanceState.FAILED:
      return { kind: 'rest', task };
    default:
      return spec.desired === InstanceSpec_Desired.STOPPED ? { kind: 'stop', task } : { kind: 'run', task };
  }
}
