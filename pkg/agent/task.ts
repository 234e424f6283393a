import { Instance as InstanceMessage } from '../gen/gilliam/v1/instance';
import type { Process } from '../gen/gilliam/v1/release';
import { Process as ProcessMessage } from '../gen/gilliam/v1/release';
import type { Task as TaskMessage } from '../gen/gilliam/v1/session_service';
import type { Instance } from '../resource/objects';
import { instances } from '../resource/objects';

/** One instance with all that is needed to run it: the contract's Task with nothing absent. */
export interface Task {
  readonly instance: Instance;
  readonly image: string;
  readonly config: Readonly<Record<string, string>>;
  readonly process: Process;
}

/** Undefined for a message that names no instance: one that a sound control plane does not send. */
export function completeTask(message: TaskMessage): Task | undefined {
  if (!message.instance?.metadata?.uid) return undefined;
  return {
    instance: instances.decode(InstanceMessage.encode(message.instance).finish()),
    image: message.image,
    config: message.config,
    process: message.process ?? ProcessMessage.fromPartial({}),
  };
}
