import { ApiServer, type ApiServerOptions, type ListenOptions } from '../api/server';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { connect, type Client, type ConnectOptions } from '../client/client';
import { InstanceSpec_Desired, InstanceState, InstanceStatus } from '../gen/gilliam/v1/instance';
import { Process } from '../gen/gilliam/v1/release';
import { instanceName } from '../resource/instance';
import { instances, sessions, type Instance, type Session } from '../resource/objects';
import { MemoryStore } from '../store/memory/memory-store';
import type { Store } from '../store/store';
import { FakeBuilder } from './fake-builder';
import { FakeImages } from './fake-images';

export const testImage = `sha256:${'1'.repeat(64)}`;
export const testProcesses = {
  web: Process.fromPartial({ command: ['serve'], ports: [{ containerPort: 8080 }] }),
  worker: Process.fromPartial({ command: ['work'] }),
};

/**
 * For a sign of life. Server and clients are one process: when it is busy, or others are, it does not hear its own answer in
 * the second that a stage gives.
 */
const patienceMs = 20_000;

/** An API server on a loopback port over a memory store, and clients of it. End it with `close`. */
export class ApiHarness {
  readonly clock = new SystemClock();
  readonly random = new SystemRandom();
  readonly builder = new FakeBuilder();
  readonly images = new FakeImages();
  readonly store: Store;
  readonly #held: (() => void | Promise<void>)[] = [];
  #server: ApiServer | undefined;
  #port = 0;
  #client: Client | undefined;

  private constructor(store: Store | undefined) {
    this.store = store ?? new MemoryStore({ clock: this.clock, random: this.random });
  }

  static async start(options: Partial<ApiServerOptions> = {}): Promise<ApiHarness> {
    const harness = new ApiHarness(options.store);
    await harness.startServer(options);
    return harness;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The memory store, where there is one. */
  get memory(): MemoryStore {
    return this.store as MemoryStore;
  }

  /** A client with the user token. */
  get client(): Client {
    this.#client ??= this.connect({ token: 'user-token' });
    return this.#client;
  }

  connect(options: Partial<ConnectOptions> = {}): Client {
    const client = connect({ address: this.address, keepaliveTimeoutMs: patienceMs, ...options });
    this.#held.push(() => client.close());
    return client;
  }

  /** Starts the server, on the port that it had before. */
  async startServer({
    listen,
    ...options
  }: Partial<ApiServerOptions> & { listen?: ListenOptions } = {}): Promise<void> {
    const { store, builder, images, clock, random } = this;
    this.#server = new ApiServer({
      store,
      builder,
      images,
      clock,
      random,
      log: silentLogger,
      stage: 'test',
      version: '1.2.3',
      identity: 'cp1',
      tokens: { user: 'user-token', executor: 'executor-token' },
      ...options,
      options: { keepaliveTimeoutMs: patienceMs, ...options.options },
    });
    this.#port = (await this.#server.listen(listen ?? { port: this.#port })).port;
  }

  get server(): ApiServer {
    if (!this.#server) throw new Error('not started');
    return this.#server;
  }

  async stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }

  async close(): Promise<void> {
    for (const end of this.#held.splice(0).reverse()) await end();
    await this.stopServer();
    await this.store.close();
  }

  /** A formation with a first release that has `web` and `worker`. */
  async shop(name = 'shop'): Promise<void> {
    await this.client.formations.createFormation({ formation: { metadata: { name } } });
    await this.client.releases.createRelease({
      parent: `formations/${name}`,
      spec: { image: testImage, processes: testProcesses, config: { A: '1' } },
    });
  }

  /** Puts an instance into the store as the controllers would. */
  async placeInstance(
    over: {
      formation?: string;
      process?: string;
      ordinal?: number;
      incarnation?: number;
      executor?: string;
      state?: InstanceState;
    } = {},
  ): Promise<Instance> {
    const { formation = 'shop', process = 'web', ordinal = 1, incarnation = 1, executor = 'e1' } = over;
    const state = over.state ?? (executor ? InstanceState.ASSIGNED : InstanceState.PENDING);
    const desired = InstanceSpec_Desired.RUNNING;
    const object: Instance = {
      metadata: {
        name: instanceName(process, ordinal, incarnation),
        formation,
        uid: this.random.uuid(),
        generation: 1n,
        revision: 0n,
        labels: {},
      },
      spec: { release: 'v1', process, ordinal, incarnation, executor, desired, replace: false },
      status: InstanceStatus.fromPartial({ state }),
    };
    const revision = await this.store.commit([{ op: 'create', kind: instances, object }]);
    return { ...object, metadata: { ...object.metadata, revision } };
  }

  /** Changes an instance in the store as the controllers would. */
  async changeInstance(
    name: string,
    change: (instance: Instance) => Instance,
    formation = 'shop',
  ): Promise<void> {
    const before = await this.instance(name, formation);
    await this.store.commit([{ op: 'update', kind: instances, object: change(before) }]);
  }

  sessionOf(executor: string): Promise<Session | undefined> {
    return this.store.get(sessions, { formation: '', name: executor });
  }

  async instance(name: string, formation = 'shop'): Promise<Instance> {
    const found = await this.store.get(instances, { formation, name });
    if (!found) throw new Error(`no instance ${name}`);
    return found;
  }
}

/** Looks until the answer is what is wanted, for less than a test may take; the last failure is the error. */
export async function eventually<T>(look: () => T | Promise<T>, limitMs = 20_000): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
