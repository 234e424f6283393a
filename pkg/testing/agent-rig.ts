import { Agent } from '../agent/agent';
import type { AgentConfig } from '../agent/config';
import type { StageFetcher } from '../agent/image-puller';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import type { InstanceState } from '../gen/gilliam/v1/instance';
import { FakeArchive } from './fake-archive';
import { FakeControlPlane } from './fake-control-plane';
import type { FakeDriverOptions } from './fake-driver';
import { FakeDriver } from './fake-driver';
import { FakeNetwork } from './fake-network';
import { VirtualClock } from './virtual-clock';

/** One executor on an engine that outlives it, a control plane, and a network daemon if wished. */
export class AgentRig {
  readonly clock = new VirtualClock();
  readonly plane = new FakeControlPlane();
  readonly driver: FakeDriver;
  readonly archive = new FakeArchive(this.clock);
  readonly network: FakeNetwork | undefined;
  readonly #config: Partial<AgentConfig>;
  readonly #images: StageFetcher | undefined;
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    options: Partial<FakeDriverOptions> = {},
    config: Partial<AgentConfig> = {},
    features: { readonly network?: boolean; readonly images?: (driver: FakeDriver) => StageFetcher } = {},
  ) {
    this.network = features.network ? new FakeNetwork(this.clock) : undefined;
    this.driver = new FakeDriver({ clock: this.clock, ...options });
    this.#images = features.images?.(this.driver);
    this.#config = config;
  }

  /** One whose agent has begun. */
  static open(
    options: Partial<FakeDriverOptions> = {},
    config: Partial<AgentConfig> = {},
  ): Promise<AgentRig> {
    return new AgentRig(options, config).begin();
  }

  async begin(): Promise<this> {
    this.#stop = new AbortController();
    const agent = new Agent({
      driver: this.driver,
      host: this.driver.host,
      connect: this.plane.connect,
      network: this.network,
      archive: this.archive,
      images: this.#images,
      clock: this.clock,
      random: new SeededRandom(1),
      log: silentLogger,
      config: { stage: 'test', name: 'e1', host: '10.0.0.1', version: '0', ...this.#config },
    });
    this.#running = agent.run(this.#stop.signal);
    await this.clock.advance(10);
    return this;
  }

  /** As `kill -9` does: it ends, and touches nothing. */
  async kill(): Promise<void> {
    this.#stop.abort(new Error('the test ends the agent'));
    await this.#running;
    this.#running = undefined;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.begin();
  }

  async end(): Promise<void> {
    if (this.#running) await this.kill();
    const { pending } = this.clock;
    if (pending > 0) throw new Error(`the agent left ${pending} timers behind`);
  }

  /** The container of an instance. */
  container(uid: string) {
    return this.driver.containers.find(({ labels }) => labels['gilliam.instance'] === uid);
  }

  id(uid: string): string {
    const container = this.container(uid);
    if (!container) throw new Error(`${uid} has no container`);
    return container.id;
  }

  state(uid: string): InstanceState | undefined {
    return this.plane.status(uid)?.state;
  }

  reasons(): string[] {
    return this.plane.events.map(({ reason }) => reason);
  }
}
