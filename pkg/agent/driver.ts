import type { ContainerSpec } from './container-spec';
import type { CommandTerminal, WindowSize } from './terminal/command-terminal';
import type { EngineVolume } from './volumes/engine-volume';

/** What the container engine and its host are able to give. */
export interface EngineInfo {
  readonly version: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** A container port that is reached through a port of the host. */
export interface PortBinding {
  readonly containerPort: number;
  readonly hostPort: number;
}

/**
 * `created`: never started. `removing`: going away by itself. A paused container counts as running: somebody wanted
 * it so.
 */
export type ContainerState = 'created' | 'running' | 'exited' | 'removing';

/** A container as it is now. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** Of the last exit. */
  readonly exitCode?: number;
  /** The kernel killed it for its memory limit. */
  readonly outOfMemory?: boolean;
  /** When it last started and last exited, in milliseconds since 1970 by the engine's clock. */
  readonly startedMs?: number;
  readonly finishedMs?: number;
  /** Where the host reaches it directly while it runs: health checks go there. */
  readonly address?: string;
  /**
   * The index of the machine's interface that leads to it while it runs, as far as that can be seen: another one with each
   * start and never one again, which cannot be said of addresses.
   */
  readonly link?: number;
  readonly ports: readonly PortBinding[];
}

/** Containers made for one executor of one stage. Several of both may share an engine; none touches another's. */
export interface Owner {
  readonly stage: string;
  /** What tells the stage from all others that use the engine, those of the same name included. */
  readonly key: string;
  readonly executor: string;
}

/** That a container may have changed: a hint to look at it, never a fact to act on. */
export interface ContainerEvent {
  readonly id: string;
  readonly uid: string;
  readonly action: 'started' | 'exited' | 'removed';
  /** With what it has exited, where the engine says so: before it answers questions about the container. */
  readonly exitCode?: number;
}

export interface LogOptions {
  readonly follow: boolean;
  /** The last so many lines; absent for all that is kept. */
  readonly tailLines?: number;
  /** Only lines at or after this time: nanoseconds since 1970. */
  readonly sinceNs?: bigint;
}

export interface LogEntry {
  readonly stream: 'stdout' | 'stderr';
  /** Nanoseconds since 1970: what a reader continues after. */
  readonly timeNs: bigint;
  /** Without the line's end; at most 64 KiB: longer ones come in pieces. */
  readonly line: Buffer;
}

export interface ExecResult {
  readonly exitCode: number;
  /** The first 4 KiB of what it printed. */
  readonly output: string;
}

/** A command to be run in a container beside its own. */
export interface CommandSpec {
  readonly command: readonly string[];
  readonly tty: boolean;
  /** Of a terminal. */
  readonly size?: WindowSize;
}

/**
 * The container engine. Narrow, and every verb may be repeated: what is already so is no error. `id` stands for a
 * container's id or name. All verbs throw DriverErrors; EngineUnavailable when there is no answer in time.
 *
 * Two implementations (DockerDriver, FakeDriver) under one contract suite (driver-contract.ts).
 */
export interface Driver {
  info(signal?: AbortSignal): Promise<EngineInfo>;

  /** All containers of the owner, running or not. */
  list(owner: Owner, signal?: AbortSignal): Promise<readonly Container[]>;

  /** Undefined when there is none. */
  inspect(id: string, signal?: AbortSignal): Promise<Container | undefined>;

  /** Fetches the image from its registry. ImageMissing when it names none or the registry has none, PullFailed. */
  pull(image: string, signal?: AbortSignal): Promise<void>;

  /**
   * Makes the container; does not start it. When one of that name exists, that one is the answer: the name is what
   * keeps a second one from being made. Can throw and still have created. ImageMissing, SpecRefused.
   */
  create(
    spec: ContainerSpec,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly existed: boolean }>;

  /** Starts it, for the first time or again. ContainerGone, BadCommand, PortTaken, EngineFault, SpecRefused. */
  start(id: string, signal?: AbortSignal): Promise<void>;

  /** SIGTERM, and SIGKILL after `graceMs`; resolves when it no longer runs, or does not exist. */
  stop(id: string, graceMs: number, signal?: AbortSignal): Promise<void>;

  /** Removes a container, killing it if it runs; resolves when it does not exist. */
  remove(id: string, signal?: AbortSignal): Promise<void>;

  /**
   * Resolves once it is subscribed: what happens afterwards is not missed, so list then. The iteration ends when the
   * signal aborts and throws EngineUnavailable when the engine goes away: subscribe and list again.
   */
  events(owner: Owner, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;

  /** What it printed, oldest first, as many lines at a time as there are; with `follow` until it exits. ContainerGone. */
  logs(id: string, options: LogOptions, signal: AbortSignal): AsyncIterable<readonly LogEntry[]>;

  /** Runs a command in the running container, to its end. ContainerGone when it does not run. */
  exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult>;

  /**
   * Both ends of the container's own command; before its start, nothing of what it prints is missed. Only of one that
   * was made to be attached to. ContainerGone.
   */
  attach(id: string, options: { readonly tty: boolean }, signal?: AbortSignal): Promise<CommandTerminal>;

  /** Makes a volume for containers to have. */
  createVolume(volume: Pick<EngineVolume, 'name' | 'labels'>, signal?: AbortSignal): Promise<void>;

  /** Deletes a volume and what is in it; resolves when it does not exist. VolumeInUse while a container has it. */
  removeVolume(name: string, signal?: AbortSignal): Promise<void>;

  /** Begins a command in the running container. ContainerGone when it does not run, BadCommand. */
  open(id: string, spec: CommandSpec, signal?: AbortSignal): Promise<CommandTerminal>;
}
