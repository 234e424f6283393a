import type { Capacity } from '../gen/gilliam/v1/executor';

/** Times in milliseconds. The defaults are those of docs/decisions/executor.md. */
export interface AgentTimes {
  /** How long a container of an unknown instance is left alone. */
  readonly strayGraceMs: number;
  /** How long the container of an instance that has failed is kept for its log, once it is forgotten. */
  readonly failedKeptMs: number;
  /** Between full looks at the engine, in case an event went missing. */
  readonly relistMs: number;
  /** From connecting to the first assignment. */
  readonly assignmentTimeoutMs: number;
}

export const defaultTimes: AgentTimes = {
  strayGraceMs: 30_000,
  failedKeptMs: 10 * 60_000,
  relistMs: 60_000,
  assignmentTimeoutMs: 10_000,
};

/** What one executor is. */
export interface AgentConfig {
  readonly stage: string;
  /** The stage's name at its engine, where others may have the same one. Default the stage's name. */
  readonly stageKey?: string;
  /** The executor's name: an RFC 1035 label, unique in the stage. */
  readonly name: string;
  /** The address by which published ports are reached; shown to people. */
  readonly host: string;
  /** `host:port` by which other executors reach this one's node of the service registry. Default none. */
  readonly registryAddress?: string;
  /** The failure domain. Default none. */
  readonly domain?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** The lowest host port to publish on. Default 10000. */
  readonly portsFrom?: number;
  /** The highest host port to publish on. Default 32767: above it are the kernel's own. */
  readonly portsTo?: number;
  /** Where published ports listen. Default: loopback when `host` is a loopback address, else all of IPv4. */
  readonly bindAddress?: string;
  /** In place of what the engine says. */
  readonly capacity?: Partial<Capacity>;
  /** Gilliam's version. */
  readonly version: string;
  /** Containers made at once, and started at once. Default 4 and 8. */
  readonly concurrency?: { readonly creates?: number; readonly starts?: number };
  readonly times?: Partial<AgentTimes>;
}
