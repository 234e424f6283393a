import type { Clock } from '../../base/clock';
import { deadline } from '../../base/clock';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import type { InstanceNetwork } from '../../registry/types';
import { Announcer } from './announcer';
import { NetworkWatch } from './network-watch';
import type { AddressTable, Peer, ServiceNetwork } from './service-network';
import { Told } from './told';

/** Against what nobody has thought of: all else is told when it changes, and when the daemon was away. */
const renewMs = 30_000;
/** A daemon that is silent for longer is being started again, and comes back knowing nobody. */
const patienceMs = 1_000;

export interface NetworkingOptions {
  readonly network: ServiceNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The instances that run here, by their containers' addresses; undefined while that is not known. */
  readonly instances: () => AddressTable | undefined;
  /** The network daemon answers, for the first time or again. */
  readonly onUp: () => void;
}

/** The agent's side of the network daemon: keeps it told of all that it cannot know by itself. */
export class Networking {
  readonly announcer: Announcer;
  readonly #watch: NetworkWatch;
  readonly #instances: Told<AddressTable>;
  readonly #peers: Told<readonly Peer[]>;
  readonly #clock: Clock;
  #known: readonly Peer[] | undefined;

  constructor(options: NetworkingOptions) {
    const { network, instances, onUp } = options;
    const always = { ...options, renewMs: () => renewMs };
    this.#clock = options.clock;
    this.announcer = new Announcer(options);
    this.#instances = new Told({
      ...always,
      value: instances,
      tell: (table, signal) => network.setInstances(table, signal),
    });
    this.#peers = new Told({
      ...always,
      value: () => this.#known,
      tell: (peers, signal) => network.setPeers(peers, signal),
    });
    this.#watch = new NetworkWatch({
      ...options,
      onUp: () => {
        for (const told of [this.#peers, this.#instances, this.announcer]) told.again();
        onUp();
      },
    });
  }

  /** What instances are given; undefined until the daemon has answered once. */
  get environment(): InstanceNetwork | undefined {
    return this.#watch.environment;
  }

  /** Another container may run, or another address be known. */
  instancesChanged(): void {
    this.#instances.touch();
  }

  /**
   * Resolves once the daemon knows who runs here, as far as the agent does, or after a moment: an address that was given
   * back may be a new container's next.
   */
  async instancesTold(signal: AbortSignal): Promise<void> {
    const limit = deadline(this.#clock, patienceMs, signal);
    try {
      await this.#instances.settled(limit.signal);
    } finally {
      limit.dispose();
    }
  }

  /** As the control plane has told. */
  setPeers(peers: readonly Peer[]): void {
    this.#known = peers;
    this.#peers.touch();
  }

  /** Works until the signal aborts; then leaves the daemon as it is: what runs here runs on. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(
      [this.#watch, this.#instances, this.#peers, this.announcer].map((part) => part.run(signal)),
    );
  }
}
