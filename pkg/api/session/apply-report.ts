import { isDeepStrictEqual } from 'node:util';
import { InstanceState, type InstanceStatus } from '../../gen/gilliam/v1/instance';
import { mayBecome } from '../../resource/instance';
import type { Instance } from '../../resource/objects';

/** What an executor says of one of its instances. */
export interface StatusReport {
  readonly formation: string;
  readonly name: string;
  readonly uid: string;
  /** The name of the executor that says it. */
  readonly executor: string;
  readonly status: InstanceStatus;
}

// Whether an instance is placed, and whether its executor is lost, is not for the executor to say.
const reportable = new Set([
  InstanceState.PULLING,
  InstanceState.STARTING,
  InstanceState.RUNNING,
  InstanceState.STOPPING,
  InstanceState.STOPPED,
  InstanceState.FAILED,
]);

const maxReasonChars = 64;
const maxMessageChars = 1_000;
const maxPorts = 100;

/**
 * The instance with the report taken over; undefined when the report says nothing new, is of another instance or
 * another executor, or would take the state back.
 */
export function applyReport(before: Instance, report: StatusReport, now: Date): Instance | undefined {
  if (before.metadata.uid !== report.uid || before.spec.executor !== report.executor) return undefined;
  const { state } = report.status;
  if (!reportable.has(state) || !mayBecome(before.status.state, state)) return undefined;
  const said: InstanceStatus = {
    ...report.status,
    ready: report.status.ready && state === InstanceState.RUNNING,
    reason: report.status.reason.slice(0, maxReasonChars),
    message: report.status.message.slice(0, maxMessageChars),
    ports: report.status.ports.slice(0, maxPorts),
    changed: before.status.changed,
  };
  if (isDeepStrictEqual(said, before.status)) return undefined;
  const same = said.state === before.status.state && said.ready === before.status.ready;
  return {
    ...before,
    status: { ...said, changed: same ? said.changed : changedAt(report.status.changed, now) },
  };
}

/** The executor saw it, perhaps long ago; its clock may be ahead of ours. */
function changedAt(reported: Date | undefined, now: Date): Date {
  return reported && reported < now ? reported : now;
}
