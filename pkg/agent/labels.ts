import { DEFAULT_GRACE_MS, graceMsOf } from '../resource/defaults';
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
  };
}

/** What a container says of its instance. */
export interface Identity {
  readonly uid: string;
  readonly formation: string;
  /** `web-1-1` */
  readonly name: string;
  /** `web.1` */
  readonly shortName: string;
  readonly release: string;
  readonly graceMs: number;
}

export function identityOfTask(task: Task): Identity {
  const { metadata, spec } = task.instance;
  return {
    uid: metadata.uid,
    formation: metadata.formation,
    name: metadata.name,
    shortName: shortName(task.instance),
    release: spec.release,
    graceMs: graceMsOf(task.process),
  };
}

export function identityOfContainer(container: Container): Identity {
  const of = (label: string): string => container.labels[label] ?? '';
  const graceMs = Number(of(labels.grace));
  return {
    uid: of(labels.instance),
    formation: of(labels.formation),
    name: of(labels.name),
    shortName: `${of(labels.process)}.${of(labels.ordinal)}`,
    release: of(labels.release),
    graceMs: Number.isFinite(graceMs) && graceMs > 0 ? graceMs : DEFAULT_GRACE_MS,
  };
}
