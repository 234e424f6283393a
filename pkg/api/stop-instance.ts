import { PreconditionError } from '../base/errors';
import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import { isFinished, shortName } from '../resource/instance';
import { instances, type Instance } from '../resource/objects';
import type { ApiContext } from './api-context';
import { retryConflicts } from './retry';

/** The instance wished stopped: over at once, where nothing of it exists yet. */
export function stopped(instance: Instance, now: Date): Instance {
  const { metadata, spec, status } = instance;
  if (isFinished(status.state)) return instance;
  const placed = spec.executor !== '';
  if (placed && spec.desired === InstanceSpec_Desired.STOPPED) return instance;
  return {
    ...instance,
    metadata: { ...metadata, generation: metadata.generation + 1n },
    spec: { ...spec, desired: InstanceSpec_Desired.STOPPED },
    status: placed
      ? status
      : { ...status, state: InstanceState.STOPPED, reason: '', message: '', changed: now },
  };
}

/**
 * The instance to be stopped once a replacement is ready, or before, if it has volumes: the formation controller does
 * that, one after the other. Throws PreconditionError for what runs once.
 */
export function replaced(instance: Instance): Instance {
  const { metadata, spec, status } = instance;
  if (spec.oneOff) {
    const name = shortName(instance);
    throw new PreconditionError(`${name} runs once, and is not replaced: gilliam stop ${name} ends it`);
  }
  if (isFinished(status.state) || spec.desired === InstanceSpec_Desired.STOPPED || spec.replace) {
    return instance;
  }
  return {
    ...instance,
    metadata: { ...metadata, generation: metadata.generation + 1n },
    spec: { ...spec, replace: true },
  };
}

/** Writes the instance as it is to be; what it is then, or undefined when it is gone or another one has its name. */
export function changeInstance(
  context: Pick<ApiContext, 'store' | 'clock' | 'random'>,
  { metadata: { formation, name, uid } }: Pick<Instance, 'metadata'>,
  change: (instance: Instance) => Instance,
  signal: AbortSignal,
): Promise<Instance | undefined> {
  return retryConflicts(
    context,
    async () => {
      const before = await context.store.get(instances, { formation, name }, signal);
      if (before?.metadata.uid !== uid) return undefined;
      const object = change(before);
      if (object === before) return before;
      const revision = await context.store.commit([{ op: 'update', kind: instances, object }], [], signal);
      return { ...object, metadata: { ...object.metadata, revision } };
    },
    signal,
  );
}
