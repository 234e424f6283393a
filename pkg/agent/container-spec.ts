import { SERVICE_SUFFIX } from '../registry/service-name';
import type { InstanceNetwork } from '../registry/types';
import { graceMsOf, limitsOf } from '../resource/defaults';
import type { Owner, PortBinding } from './driver';
import { environmentOf } from './environment';
import { labelsOf } from './labels';
import type { Task } from './task';
import { engineVolumes, type EngineVolume } from './volumes/engine-volume';

/**
 * What an ordinary service needs to set itself up as root and then drop to a user, to bind a low port, and to signal
 * its children. All else is dropped.
 */
const capabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
] as const;

/** A container to be made, in no engine's terms. */
export interface ContainerSpec {
  /** Unique to the instance: an engine cannot hold two of the same name. */
  readonly name: string;
  readonly image: string;
  /** The whole argument vector; empty stands for the image's own. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly hostname: string;
  readonly ports: readonly PortBinding[];
  /** Where the host ports listen. */
  readonly bindAddress: string;
  /** Resolvers in place of the engine's; empty for those. */
  readonly dns: readonly string[];
  /** Domains in which short names are looked for; empty for the engine's. */
  readonly dnsSearch: readonly string[];
  /** 0 for no limit. */
  readonly cpuMillis: number;
  /** 0 for no limit. */
  readonly memoryBytes: number;
  readonly pids: number;
  readonly graceMs: number;
  /** All that the container may do beyond an ordinary user. */
  readonly capabilities: readonly string[];
  /** Its input is open, and waits for whoever attaches to it. */
  readonly attach?: { readonly tty: boolean };
  /** The engine's volumes that it has, and where: made before it. */
  readonly volumes?: readonly EngineVolume[];
  /** At most this much of what it prints is kept: `files` files of `bytes` each; 0 files for nothing. */
  readonly logs: { readonly bytes: number; readonly files: number };
}

/** Deterministic, so that making the same instance's container twice is refused by the engine itself. */
export function containerName(task: Task): string {
  const { metadata } = task.instance;
  return `${metadata.formation}.${metadata.name}.${metadata.uid}`.replace(/^[^A-Za-z0-9]+/, '');
}

export function containerSpec(
  task: Task,
  owner: Owner,
  ports: readonly PortBinding[],
  at: { readonly bindAddress: string; readonly network?: InstanceNetwork },
): ContainerSpec {
  const limits = limitsOf(task.process);
  const { oneOff } = task.instance.spec;
  const volumes = engineVolumes(task, owner);
  const resolver = at.network?.resolver;
  return {
    name: containerName(task),
    image: task.image,
    command: task.process.command,
    environment: environmentOf(task, owner.stage, at.network),
    labels: labelsOf(task, owner),
    // The kernel takes 63 characters at most; `_` is not for host names, and some programs refuse it.
    hostname: task.instance.metadata.name.replace(/^_/, '').slice(0, 63),
    ports,
    bindAddress: at.bindAddress,
    dns: resolver === undefined ? [] : [resolver],
    dnsSearch: resolver === undefined ? [] : [`${task.instance.metadata.formation}.${SERVICE_SUFFIX}`],
    cpuMillis: limits.cpuMillis,
    memoryBytes: Number(limits.memoryBytes),
    pids: limits.pids,
    graceMs: graceMsOf(task.process),
    capabilities,
    ...(volumes.length > 0 && { volumes }),
    // What somebody reads as it is printed, and may be no text at all, is kept for nobody.
    ...(oneOff?.attached && { attach: { tty: oneOff.tty } }),
    logs: oneOff?.attached ? { bytes: 0, files: 0 } : { bytes: 10 * 1024 * 1024, files: 3 },
  };
}

/** Whether the image names a registry that it can be fetched from: `host/name…`, not a bare id. */
export function isPullable(image: string): boolean {
  const slash = image.indexOf('/');
  if (slash < 0) return false;
  const host = image.slice(0, slash);
  return host === 'localhost' || host.includes('.') || host.includes(':');
}
