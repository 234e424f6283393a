import { cpus, totalmem } from 'node:os';
import type { Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Assignment, AssignmentChange, Hello } from '../gen/gilliam/v1/session_service';
import type { AgentConfig, AgentTimes } from './config';
import { defaultTimes } from './config';
import type { Container, ContainerEvent, Driver, Owner } from './driver';
import { watchEngine } from './engine-watch';
import type { Host } from './host';
import { systemHost } from './host';
import { ImagePuller } from './image-puller';
import { labels } from './labels';
import { Limiter } from './limiter';
import { LogSender } from './log-sender';
import type { LogSource } from './log-sender';
import { PortAllocator } from './port-allocator';
import { Reporter } from './reporter';
import { Session } from './session';
import { completeTask } from './task';
import type { Connect } from './transport';
import { wishOf } from './wish';
import { Worker } from './worker';
import type { WorkerContext } from './worker-context';

export interface AgentOptions {
  readonly driver: Driver;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly config: AgentConfig;
  /** Default: the machine. */
  readonly host?: Host;
}

const defaultPorts = { from: 10_000, to: 32_767 } as const;
/**
 * Making containers writes to disk, starting them waits for locks of the engine and the kernel: a few of the one and
 * some of the other at once are faster than all at once, and far faster than one by one.
 */
const defaultConcurrency = { creates: 4, starts: 8 } as const;

/**
 * One executor. Keeps the containers of its assignment as they are wished to be, whether or not a control plane is
 * there. Stores nothing: the engine knows the containers and their labels, the control plane knows the rest.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #owner: Owner;
  readonly #times: AgentTimes;
  readonly #context: WorkerContext;
  readonly #reporter: Reporter;
  readonly #session: Session;
  readonly #logs: LogSender;
  /** By the instance's uid. */
  readonly #workers = new Map<string, Worker>();
  readonly #running = new Set<Promise<void>>();
  readonly #listeners = new Map<string, Set<() => void>>();
  /** An assignment has come, ever: what it does not name is not to run. */
  #assigned = false;
  #listed = false;
  /** Invariant 10: no new container before what should not run here has been stopped. */
  #open = false;
  #stopped = false;

  constructor(options: AgentOptions) {
    const { config, clock, random, log, driver } = options;
    this.#options = options;
    this.#owner = { stage: config.stage, key: config.stageKey ?? config.stage, executor: config.name };
    this.#times = { ...defaultTimes, ...config.times };
    const host = options.host ?? systemHost;
    const bindAddress = config.bindAddress ?? bindAddressFor(config.host);
    const ports = new PortAllocator({
      from: config.portsFrom ?? defaultPorts.from,
      to: config.portsTo ?? defaultPorts.to,
      isFree: (port) => host.portFree(port, bindAddress),
      clock,
    });
    this.#session = new Session(
      { ...options, assignmentTimeoutMs: this.#times.assignmentTimeoutMs },
      {
        hello: (signal) => this.#hello(signal),
        assignment: (assignment) => this.#takeAssignment(assignment),
        change: (change) => this.#takeChange(change),
        logsWanted: (wanted, transport, signal) => void this.#logs.send(wanted, transport, signal),
      },
    );
    this.#reporter = new Reporter(() => this.#session.wake());
    this.#context = {
      driver,
      host,
      clock,
      random,
      log,
      owner: this.#owner,
      ports,
      puller: new ImagePuller(driver),
      creates: new Limiter(config.concurrency?.creates ?? defaultConcurrency.creates),
      starts: new Limiter(config.concurrency?.starts ?? defaultConcurrency.starts),
      reporter: this.#reporter,
      address: config.host,
      bindAddress,
      mayCreate: () => this.#open,
      listed: () => this.#listed,
      onStep: (uid) => this.#onStep(uid),
    };
    this.#logs = new LogSender({
      driver,
      clock,
      log,
      source: (uid) => this.#logSource(uid),
      changed: (uid, signal) => this.#changed(uid, signal),
    });
  }

  /** Runs until the signal aborts; then leaves all containers as they are. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, driver } = this.#options;
    const engine = watchEngine(
      {
        driver,
        owner: this.#owner,
        clock,
        random,
        log,
        relistMs: this.#times.relistMs,
        onList: (containers) => this.#takeList(containers),
        onEvent: (event) => this.#takeEvent(event),
      },
      signal,
    );
    await Promise.all([engine, this.#session.run(this.#reporter, signal)]);
    this.#stopped = true;
    for (const worker of this.#workers.values()) worker.dispose();
    await Promise.all(this.#running);
  }

  async #hello(signal: AbortSignal): Promise<Hello> {
    const { config, driver } = this.#options;
    // Without its engine an executor still knows its machine.
    const machine = await driver
      .info(signal)
      .catch(() => ({ cpuMillis: cpus().length * 1000, memoryBytes: totalmem() }));
    return {
      name: config.name,
      host: config.host,
      domain: config.domain ?? '',
      tags: { ...config.tags },
      capacity: {
        cpuMillis: config.capacity?.cpuMillis ?? machine.cpuMillis,
        memoryBytes: config.capacity?.memoryBytes ?? BigInt(machine.memoryBytes),
      },
      version: config.version,
      registryAddress: '',
    };
  }

  #takeAssignment(assignment: Assignment): void {
    this.#assigned = true;
    // Before any worker sees its task: a new one begins at once.
    this.#open = false;
    const named = new Set<string>();
    for (const message of assignment.tasks) {
      const uid = this.#assign(message, true);
      if (uid) named.add(uid);
    }
    for (const worker of this.#workers.values()) {
      if (!named.has(worker.uid)) this.#stray(worker);
    }
    this.#openWhenClear();
  }

  #takeChange(change: AssignmentChange): void {
    for (const message of change.tasks) this.#assign(message, false);
    for (const uid of change.forgotten) {
      this.#reporter.forget(uid);
      const worker = this.#workers.get(uid);
      // Why it failed is mostly in its log, and asked for afterwards.
      const keptMs = worker?.failed ? this.#times.failedKeptMs : 0;
      worker?.assign({ kind: 'gone', notBeforeMs: this.#options.clock.monotonic() + keptMs });
    }
  }

  #assign(message: Parameters<typeof completeTask>[0], compare: boolean): string | undefined {
    const task = completeTask(message);
    if (!task) {
      this.#options.log.warn('the control plane sent a task without an instance');
      return undefined;
    }
    const { uid } = task.instance.metadata;
    const wish = wishOf(task);
    const worker = this.#workers.get(uid);
    if (worker) worker.assign(wish, { compare });
    else this.#begin(new Worker(this.#context, { task }, wish));
    return uid;
  }

  #takeList(containers: readonly Container[]): void {
    this.#listed = true;
    const listed = new Map<string, Container>();
    for (const container of preferRunning(containers)) {
      const uid = container.labels[labels.instance] ?? '';
      if (listed.has(uid)) this.#removeDouble(container);
      else listed.set(uid, container);
    }
    for (const [uid, container] of listed) {
      const worker = this.#workers.get(uid);
      if (!worker) this.#take(container);
      else if (worker.container?.id !== container.id || worker.container.state !== container.state)
        worker.poke();
      else worker.wake();
    }
    for (const worker of this.#workers.values()) {
      if (!listed.has(worker.uid)) {
        // One that is just being made may not have been in the list yet: it looks for itself.
        if (worker.container) worker.poke();
        else worker.wake();
      }
    }
    this.#openWhenClear();
  }

  /** A container that no worker knows: from before the agent began, or nobody's. */
  #take(container: Container): void {
    const worker = new Worker(this.#context, { container }, { kind: 'keep' });
    if (this.#assigned) this.#stray(worker);
    this.#begin(worker);
  }

  #stray(worker: Worker): void {
    if (worker.wish.kind === 'gone') return;
    this.#options.log.warn('a container belongs to no instance of the assignment', { ...worker.identity });
    const notBeforeMs = this.#options.clock.monotonic() + this.#times.strayGraceMs;
    worker.assign({ kind: 'gone', notBeforeMs });
  }

  /** Invariant 2. Names keep this from happening, unless somebody renames a container. */
  #removeDouble(container: Container): void {
    this.#options.log.error('an instance has a second container: it is removed', { id: container.id });
    const removal = this.#options.driver
      .remove(container.id)
      .catch((error: unknown) =>
        this.#options.log.warn('a second container could not be removed', { error: messageOf(error) }),
      );
    this.#keepTrack(removal);
  }

  #takeEvent(event: ContainerEvent): void {
    // A start is either our own, or found when the container is next looked at.
    if (event.action === 'started') return;
    const worker = this.#workers.get(event.uid);
    if (worker && (!worker.container || worker.container.id === event.id)) worker.poke();
  }

  #begin(worker: Worker): void {
    if (this.#stopped) return;
    this.#workers.set(worker.uid, worker);
    this.#keepTrack(worker.run());
  }

  #keepTrack(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  #onStep(uid: string): void {
    for (const listener of this.#listeners.get(uid) ?? []) listener();
    const worker = this.#workers.get(uid);
    // One that is to be reported as stopped stays until the control plane has taken note.
    if (worker?.finished && !('task' in worker.wish)) {
      this.#workers.delete(uid);
      worker.dispose();
    }
    if (!this.#open) this.#openWhenClear();
  }

  #openWhenClear(): void {
    if (this.#open || !this.#assigned || !this.#listed) return;
    for (const worker of this.#workers.values()) if (worker.unwanted) return;
    this.#open = true;
    this.#session.synced();
    for (const worker of this.#workers.values()) worker.wake();
  }

  #logSource(uid: string): LogSource | undefined {
    const worker = this.#workers.get(uid);
    if (!worker) return undefined;
    const { identity, container, wish } = worker;
    return {
      identity,
      containerId: container?.id,
      running: container?.state === 'running',
      over: worker.finished || wish.kind === 'rest' || wish.kind === 'gone',
    };
  }

  #changed(uid: string, signal: AbortSignal): Promise<void> {
    const listeners = this.#listeners.get(uid) ?? new Set();
    this.#listeners.set(uid, listeners);
    return new Promise((resolve) => {
      const done = (): void => {
        listeners.delete(done);
        if (listeners.size === 0) this.#listeners.delete(uid);
        signal.removeEventListener('abort', done);
        resolve();
      };
      listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted || !this.#workers.has(uid)) done();
    });
  }
}

/** Running ones first: of two containers of one instance the running one is kept. */
function preferRunning(containers: readonly Container[]): readonly Container[] {
  const rank = (container: Container): number => (container.state === 'running' ? 0 : 1);
  return [...containers].sort((a, b) => rank(a) - rank(b));
}

/** What is reached over loopback only is published on loopback only. */
function bindAddressFor(host: string): string {
  return host === 'localhost' || /^127(\.\d+){3}$/.test(host) ? '127.0.0.1' : '0.0.0.0';
}
