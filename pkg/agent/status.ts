import { InstanceState, InstanceStatus } from '../gen/gilliam/v1/instance';
import type { Process } from '../gen/gilliam/v1/release';
import { mayBecome } from '../resource/instance';
import type { PortBinding } from './driver';

export type StatusPatch = Partial<Omit<InstanceStatus, 'changed'>>;

/**
 * The status with the patch in it. A state never goes back: what would is left out of the patch. `changed` becomes
 * `nowMs` when the state or the readiness do. The same object when nothing changes.
 */
export function patchStatus(status: InstanceStatus, patch: StatusPatch, nowMs: number): InstanceStatus {
  const state = patch.state && mayBecome(status.state, patch.state) ? patch.state : status.state;
  const next = { ...status, ...patch, state };
  if (sameStatus(status, next)) return status;
  const moved = status.state !== next.state || status.ready !== next.ready;
  return { ...next, changed: moved || !status.changed ? new Date(nowMs) : status.changed };
}

/** Whether both say the same, whenever it came about. */
export function sameStatus(a: InstanceStatus, b: InstanceStatus): boolean {
  const bytes = (status: InstanceStatus): Buffer =>
    Buffer.from(InstanceStatus.encode({ ...status, changed: undefined }).finish());
  return bytes(a).equals(bytes(b));
}

/** Published ports with the names that the process gives them. */
export function publishedPorts(
  process: Pick<Process, 'ports'>,
  bindings: readonly PortBinding[],
): InstanceStatus['ports'] {
  return process.ports.flatMap(({ name, containerPort }) => {
    const binding = bindings.find((one) => one.containerPort === containerPort);
    return binding ? [{ name, containerPort, hostPort: binding.hostPort }] : [];
  });
}

export const emptyStatus: InstanceStatus = InstanceStatus.fromPartial({ state: InstanceState.ASSIGNED });
