import type { ContainerSpec } from '../agent/container-spec';
import type { Container, LogEntry, Owner } from '../agent/driver';
import { labels } from '../agent/labels';
import type { FakeTerminal } from './fake-terminal';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A container of the engine in memory. */
export interface FakeContainer extends Mutable<Container> {
  readonly spec: ContainerSpec;
  readonly logs: LogEntry[];
  /** Told whenever it prints, or changes its state. */
  readonly changed: Set<() => void>;
  /** Of whoever is attached to its command. */
  terminal?: FakeTerminal;
  /** Does not end on SIGTERM. */
  stubborn: boolean;
}

export function createdContainer(id: string, spec: ContainerSpec): FakeContainer {
  return {
    id,
    spec,
    name: spec.name,
    labels: spec.labels,
    state: 'created',
    ports: spec.ports,
    logs: [],
    changed: new Set(),
    stubborn: false,
    outOfMemory: false,
  };
}

/** What the engine tells of it, and does not change any more. */
export function viewOf(container: FakeContainer): Container {
  const {
    id,
    name,
    labels: own,
    state,
    exitCode,
    outOfMemory,
    startedMs,
    finishedMs,
    address,
    link,
    ports,
  } = container;
  return { id, name, labels: own, state, exitCode, outOfMemory, startedMs, finishedMs, address, link, ports };
}

export function owns(owner: Owner, container: Container): boolean {
  return container.labels[labels.stage] === owner.key && container.labels[labels.executor] === owner.executor;
}

/** For lists of calls: the instance's name, where it is one's. */
export function shortName({ labels: own, name }: Pick<Container, 'labels' | 'name'>): string {
  return own[labels.name] ?? name;
}
