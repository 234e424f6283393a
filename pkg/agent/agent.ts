import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { AgentConfig, AgentTimes } from './config';
import { defaultTimes } from './config';
import type { Driver, Owner } from './driver';
import { watchEngine } from './engine-watch';
import { helloOf } from './hello';
import type { Host } from './host';
import { systemHost } from './host';
import { ImagePuller, type StageFetcher } from './image-puller';
import { Limiter } from './limiter';
import type { LogArchive } from './logs/archive';
import { LogSender } from './logs/log-sender';
import type { LogSource } from './logs/log-sender';
import { Networking } from './network/networking';
import type { ServiceNetwork } from './network/service-network';
import { PortAllocator } from './port-allocator';
import { Reporter } from './reporter';
import { Session } from './session';
import { StepListeners } from './step-listeners';
import { Terminals } from './terminal/terminals';
import type { Connect } from './transport';
import type { ContainerMeter } from './usage/container-meter';
import { UsageReporter } from './usage/usage-reporter';
import { VolumeRemover } from './volumes/volume-remover';
import type { SharedContext } from './worker-context';
import { Workers } from './workers';

export interface AgentOptions {
  readonly driver: Driver;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly config: AgentConfig;
  /** Default: the machine. */
  readonly host?: Host;
  /** Where what instances have printed is kept when they are gone; absent for an executor that forgets it. */
  readonly archive?: LogArchive;
  /** This machine's network daemon; absent for an executor without service network. */
  readonly network?: ServiceNetwork;
  /**
   * Where the stage's own images are had from; absent for an executor that runs only what its engine has or
   * registries.
   */
  readonly images?: StageFetcher;
  /** Absent: what containers use is not told. */
  readonly meter?: ContainerMeter;
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
  readonly #reporter: Reporter;
  readonly #session: Session;
  readonly #networking: Networking | undefined;
  readonly #workers: Workers;
  readonly #logs: LogSender;
  readonly #volumes: VolumeRemover;
  readonly #usage: UsageReporter;
  readonly #terminals: Terminals;

  constructor(options: AgentOptions) {
    const { config, clock, log, driver } = options;
    this.#options = options;
    this.#owner = { stage: config.stage, key: config.stageKey ?? config.stage, executor: config.name };
    this.#times = { ...defaultTimes, ...config.times };
    this.#session = new Session(
      { ...options, assignmentTimeoutMs: this.#times.assignmentTimeoutMs },
      {
        hello: (signal) => helloOf(config, driver, signal),
        assignment: (assignment) => this.#workers.takeAssignment(assignment),
        change: (change) => this.#workers.takeChange(change),
        peers: (peers) => this.#networking?.setPeers(peers),
        volumesToDelete: (volumes) => this.#volumes.take(volumes),
        volumesDeleted: () => this.#volumes.takeRemoved(),
        reconnected: () => this.#volumes.reconnected(),
        usage: () => this.#usage.take(),
        logsWanted: (wanted, transport, signal) => void this.#logs.send(wanted, transport, signal),
        terminalWanted: (wanted, transport, signal) => void this.#terminals.serve(wanted, transport, signal),
      },
    );
    this.#reporter = new Reporter(() => this.#session.wake());
    this.#volumes = new VolumeRemover({
      ...{ driver, clock, log, owner: this.#owner },
      onRemoved: () => this.#session.wake(),
    });
    this.#networking = options.network && this.#network(options.network);
    const steps = new StepListeners();
    this.#workers = new Workers({
      context: this.#context(),
      times: this.#times,
      onOpen: () => this.#session.synced(),
      onStep: (uid) => {
        steps.notify(uid);
        this.#networking?.instancesChanged();
      },
    });
    this.#terminals = new Terminals({
      ...{ driver, clock, log },
      container: (uid) => this.#runningContainer(uid),
      attach: (uid, attachment) => this.#workers.get(uid)?.attach(attachment) ?? false,
    });
    this.#usage = new UsageReporter({
      ...options,
      instances: () => this.#workers.measured(),
      onReady: () => this.#session.wake(),
    });
    this.#logs = new LogSender({
      driver,
      archive: options.archive,
      clock,
      log,
      source: (uid) => this.#logSource(uid),
      changed: async (uid, signal) => {
        if (this.#workers.get(uid)) await steps.next(uid, signal);
      },
    });
  }

  #runningContainer(uid: string): string | undefined {
    const container = this.#workers.get(uid)?.container;
    return container?.state === 'running' ? container.id : undefined;
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
        onList: (containers) => {
          this.#workers.takeList(containers);
          this.#networking?.instancesChanged();
        },
        onEvent: (event) => this.#workers.takeEvent(event),
        onSilence: (why) => this.#session.engineSilent(why),
      },
      signal,
    );
    const session = this.#session.run(this.#reporter, signal);
    await Promise.all([
      engine,
      session,
      this.#volumes.run(signal),
      this.#usage.run(signal),
      this.#networking?.run(signal),
    ]);
    await this.#workers.end();
  }

  #context(): SharedContext {
    const { config, clock, random, log, driver, host = systemHost } = this.#options;
    const bindAddress = config.bindAddress ?? bindAddressFor(config.host);
    const ports = new PortAllocator({
      from: config.portsFrom ?? defaultPorts.from,
      to: config.portsTo ?? defaultPorts.to,
      isFree: (port) => host.portFree(port, bindAddress),
      clock,
    });
    return {
      driver,
      host,
      clock,
      random,
      log,
      owner: this.#owner,
      ports,
      puller: new ImagePuller(driver, this.#options.images),
      creates: new Limiter(config.concurrency?.creates ?? defaultConcurrency.creates),
      starts: new Limiter(config.concurrency?.starts ?? defaultConcurrency.starts),
      reporter: this.#reporter,
      address: config.host,
      bindAddress,
      archive: this.#options.archive,
      network: this.#networking,
    };
  }

  #network(network: ServiceNetwork): Networking {
    return new Networking({
      ...this.#options,
      network,
      instances: () => this.#workers.addresses(),
      onUp: () => this.#workers.wake(),
    });
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
}

/** What is reached over loopback only is published on loopback only. */
function bindAddressFor(host: string): string {
  return host === 'localhost' || /^127(\.\d+){3}$/.test(host) ? '127.0.0.1' : '0.0.0.0';
}
