import { Agent } from '../agent/agent';
import type { AgentConfig } from '../agent/config';
import type { ServiceNetwork } from '../agent/network/service-network';
import { grpcConnect } from '../agent/transport';
import type { Connect } from '../agent/transport';
import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';
import { silentLogger } from '../base/log';
import type { Random } from '../base/random';
import type { ConnectOptions } from '../client/client';
import { FakeDriver } from './fake-driver';
import type { FakeDriverOptions } from './fake-driver';

export interface SimulatedExecutorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  /** Where the control plane is; or how to come to one in memory. */
  readonly connect: ConnectOptions | Connect;
  readonly config: Pick<AgentConfig, 'stage' | 'name'> & Partial<AgentConfig>;
  /** Its network daemon. Default none. */
  readonly network?: ServiceNetwork;
  /** How the engine behaves. */
  readonly driver?: Omit<FakeDriverOptions, 'clock'>;
}

/**
 * An executor whose containers are not real and all else is: the agent itself, speaking the contract's own protocol.
 * Thousands fit into one process. The engine outlives the agent, as a real one does.
 */
export class SimulatedExecutor {
  readonly driver: FakeDriver;
  readonly #options: SimulatedExecutorOptions;
  #running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(options: SimulatedExecutorOptions) {
    this.#options = options;
    this.driver = new FakeDriver({ clock: options.clock, ...options.driver });
  }

  get name(): string {
    return this.#options.config.name;
  }

  /** Starts the agent, for the first time or after `kill`. */
  start(): void {
    if (this.#running) return;
    const { clock, random, log, connect, config, network } = this.#options;
    const stop = new AbortController();
    const agent = new Agent({
      driver: this.driver,
      host: this.driver.host,
      network,
      connect: typeof connect === 'function' ? connect : grpcConnect(connect),
      clock,
      random,
      log: log ?? silentLogger,
      config: { host: '127.0.0.1', version: 'simulated', ...config },
    });
    this.#running = { stop, done: agent.run(stop.signal) };
  }

  /** Ends the agent as `kill -9` would; its containers run on. */
  async kill(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort(new Error('the simulated executor was killed'));
    await running?.done;
  }
}

/** So many executors, named `<prefix>1` and up, started. Kill them all at the end. */
export function startExecutors(
  count: number,
  options: Omit<SimulatedExecutorOptions, 'config'> & {
    readonly config: Omit<SimulatedExecutorOptions['config'], 'name'>;
    /** Default `executor-`. */
    readonly prefix?: string;
  },
): readonly SimulatedExecutor[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${options.prefix ?? 'executor-'}${index + 1}`;
    const executor = new SimulatedExecutor({ ...options, config: { ...options.config, name } });
    executor.start();
    return executor;
  });
}
