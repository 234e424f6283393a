import { InstanceSpec_Desired, InstanceState, InstanceStatus } from '../../gen/gilliam/v1/instance';
import { instanceName } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import type { Creation } from './process-plan';

/** The object that a creation stands for: wished to run, not placed yet. */
export function newInstance(formation: string, uid: string, creation: Creation, created: Date): Instance {
  const { release, process, ordinal, incarnation, failedBefore } = creation;
  const name = instanceName(process, ordinal, incarnation);
  return {
    metadata: { name, formation, uid, generation: 1n, revision: 0n, labels: {}, created },
    spec: {
      release,
      process,
      ordinal,
      incarnation,
      executor: '',
      desired: InstanceSpec_Desired.RUNNING,
      replace: false,
      ...(failedBefore > 0 ? { failedBefore } : {}),
    },
    status: InstanceStatus.fromPartial({ state: InstanceState.PENDING, changed: created }),
  };
}

/** Asked to stop: its executor does it. */
export function stopped(instance: Instance): Instance {
  const { metadata, spec } = instance;
  if (spec.desired === InstanceSpec_Desired.STOPPED) return instance;
  return {
    ...instance,
    metadata: { ...metadata, generation: metadata.generation + 1n },
    spec: { ...spec, desired: InstanceSpec_Desired.STOPPED },
  };
}

/** Stopped at once, since nothing of it exists anywhere. */
export function finished(instance: Instance, changed: Date): Instance {
  const state = InstanceState.STOPPED;
  return { ...stopped(instance), status: { ...instance.status, state, reason: '', message: '', changed } };
}
