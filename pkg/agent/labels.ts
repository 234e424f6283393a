import type { Process } from '../gen/gilliam/v1/release';
import { Process as ProcessMessage } from '../gen/gilliam/v1/release';
import { DEFAULT_DRAIN_MS, DEFAULT_GRACE_MS, drainMsOf, graceMsOf } from '../resource/defaults';
import { shortName } from '../resource/instance';
import type { Container, Owner } from './driver';
import type { Task } from './task';

/**
 * Labels on a container are all that the agent keeps: from them a restarted agent knows its own containers, and knows
 * enough to keep them running until it hears from the control plane.
 */
export const labels = {
  /** The stage's key: its name and what tells it from others of that name. */
  stage: 'gilliam.stage',
  executor: 'gilliam.executor',
  formation: 'gilliam.formation',
  /** The instance's uid. */
  instance: 'gilliam.instance',
  /** The instance's name: `web-1-1`. */
  name: 'gilliam.name',
  process: 'gilliam.process',
  ordinal: 'gilliam.ordinal',
  release: 'gilliam.release',
  /** Milliseconds between SIGTERM and SIGKILL. */
  grace: 'gilliam.grace-ms',
  /** Milliseconds before SIGTERM, for the requests under way to end. */
  drain: 'gilliam.drain-ms',
  /** The process's ports and its health check, as JSON. */
  serving: 'gilliam.serving',
  /** Of an instance that runs once: `attached`, if somebody is to be attached to it, or `detached`. */
  oneOff: 'gilliam.one-off',
} as const;

export function labelsOf(task: Task, owner: Owner): Record<string, string> {
  const { metadata, spec } = task.instance;
  return {
    [labels.stage]: owner.key,
    [labels.executor]: owner.executor,
    [labels.formation]: metadata.formation,
    [labels.instance]: metadata.uid,
    [labels.name]: metadata.name,
    [labels.process]: spec.process,
    [labels.ordinal]: String(spec.ordinal),
    [labels.release]: spec.release,
    [labels.grace]: String(graceMsOf(task.process)),
    [labels.drain]: String(drainMsOf(task.process)),
    [labels.serving]: servingOf(task.process),
    ...(spec.oneOff && { [labels.oneOff]: spec.oneOff.attached ? 'attached' : 'detached' }),
  };
}

/** What a container says of its instance. */
export interface Identity {
  readonly uid: string;
  readonly formation: string;
  /** `web-1-1` */
  readonly name: string;
  readonly process: string;
  readonly ordinal: number;
  /** `web.1` */
  readonly shortName: string;
  readonly release: string;
  readonly graceMs: number;
  readonly drainMs: number;
  /** Of an instance that runs once. */
  readonly oneOff?: { readonly attached: boolean };
}

export function identityOfTask(task: Task): Identity {
  const { metadata, spec } = task.instance;
  return {
    uid: metadata.uid,
    formation: metadata.formation,
    name: metadata.name,
    process: spec.process,
    ordinal: spec.ordinal,
    shortName: shortName(task.instance),
    release: spec.release,
    graceMs: graceMsOf(task.process),
    drainMs: drainMsOf(task.process),
    ...(spec.oneOff && { oneOff: { attached: spec.oneOff.attached } }),
  };
}

export function identityOfContainer(container: Container): Identity {
  const of = (label: string): string => container.labels[label] ?? '';
  return {
    uid: of(labels.instance),
    formation: of(labels.formation),
    name: of(labels.name),
    process: of(labels.process),
    ordinal: Number(of(labels.ordinal)),
    shortName: `${of(labels.process)}.${of(labels.ordinal)}`,
    release: of(labels.release),
    graceMs: positive(of(labels.grace)) ?? DEFAULT_GRACE_MS,
    drainMs: positive(of(labels.drain)) ?? DEFAULT_DRAIN_MS,
    ...(of(labels.oneOff) && { oneOff: { attached: of(labels.oneOff) === 'attached' } }),
  };
}

function positive(text: string): number | undefined {
  const number = Number(text);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

/** What has to be known of a process to check and announce an instance of it without its release. */
export type Serving = Pick<Process, 'ports' | 'health'>;

function servingOf({ ports, health }: Serving): string {
  return JSON.stringify(ProcessMessage.toJSON(ProcessMessage.fromPartial({ ports, health })));
}

/** Undefined for a container that an older agent has made. */
export function servingOfContainer(container: Container): Serving | undefined {
  const label = container.labels[labels.serving];
  if (label === undefined) return undefined;
  try {
    return ProcessMessage.fromJSON(JSON.parse(label));
  } catch {
    return undefined;
  }
}
