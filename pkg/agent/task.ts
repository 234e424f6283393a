import type { OneOff } from '../gen/gilliam/v1/instance';
import { Instance as InstanceMessage } from '../gen/gilliam/v1/instance';
import type { Process } from '../gen/gilliam/v1/release';
import { Process as ProcessMessage } from '../gen/gilliam/v1/release';
import type { Task as TaskMessage } from '../gen/gilliam/v1/session_service';
import { Volume as VolumeMessage } from '../gen/gilliam/v1/volume';
import type { Instance, Volume } from '../resource/objects';
import { instances, volumes } from '../resource/objects';

/** One instance with all that is needed to run it: the contract's Task with nothing absent. */
export interface Task {
  readonly instance: Instance;
  readonly image: string;
  readonly config: Readonly<Record<string, string>>;
  readonly process: Process;
  /** Hundredths of the service's requests that go to the release; undefined for as many as its instances are of all. */
  readonly trafficPercent?: number;
  /** Of an auxiliary service: the formations beside its own that may use it. */
  readonly sharedWith: readonly string[];
  /** The formation's names for services of others. */
  readonly imports: Readonly<Record<string, string>>;
  /** The volumes that it has: one for each of the process's. */
  readonly volumes: readonly Volume[];
}

/** Undefined for a message that names no instance: one that a sound control plane does not send. */
export function completeTask(message: TaskMessage): Task | undefined {
  if (!message.instance?.metadata?.uid) return undefined;
  const instance = instances.decode(InstanceMessage.encode(message.instance).finish());
  const process = message.process ?? ProcessMessage.fromPartial({});
  const { oneOff } = instance.spec;
  return {
    instance,
    image: message.image,
    config: message.config,
    process: oneOff ? processOnce(process, oneOff) : process,
    ...(message.trafficPercent !== undefined && { trafficPercent: message.trafficPercent }),
    sharedWith: message.sharedWith,
    imports: message.imports,
    volumes: message.volumes.map((volume) => volumes.decode(VolumeMessage.encode(volume).finish())),
  };
}

/** The process as one run of it has it: with another command and other ports, as wished, and unchecked. */
function processOnce(process: Process, { command, ports, attached }: OneOff): Process {
  const chosen = ports.map(({ name, containerPort }) => ({ name, containerPort }));
  // One that somebody is attached to serves nobody else.
  const own = attached ? [] : process.ports;
  const others = own.filter(
    (port) => !chosen.some(({ containerPort }) => containerPort === port.containerPort),
  );
  return {
    ...process,
    command: command.length > 0 ? command : process.command,
    ports: [...others, ...chosen],
    health: undefined,
  };
}
