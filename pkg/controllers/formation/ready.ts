import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Instance } from '../../resource/objects';

/** Runs, and can do its work now. */
export function isReady(instance: Instance): boolean {
  return instance.status.state === InstanceState.RUNNING && instance.status.ready;
}
