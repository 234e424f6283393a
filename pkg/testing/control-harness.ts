import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { ControllerManager } from '../controllers/manager';
import type { ControllerSettings } from '../controllers/manager';
import { Process } from '../gen/gilliam/v1/release';
import { isAuxiliary } from '../resource/auxiliary';
import { isFinished } from '../resource/instance';
import { formations, instances, releases, scales } from '../resource/objects';
import type { Instance, Kind, Scale, StoredObject } from '../resource/objects';
import { MemoryStore } from '../store/memory/memory-store';
import { FaultyStore } from './faulty-store';
import { StoredExecutor } from './stored-executor';
import { VirtualClock } from './virtual-clock';

/** A manager, and what a test does to it. */
export interface Candidate {
  readonly manager: ControllerManager;
  /** To cut it off. */
  readonly store: MemoryStore;
  /** To make its calls fail. */
  readonly faults: FaultyStore;
  /** As by `kill -9`: nothing of what it is about to do is done, and what it holds is missed when its lease runs out. */
  kill(): void;
}

/** The controllers over the memory store, in virtual time and from one seed: a seed replays a run exactly. */
export class ControlHarness {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  /** The users' and the executors' own way to the stage. */
  readonly store: MemoryStore;
  readonly executors: StoredExecutor[] = [];
  /** What was seen that must never be; checked by `close`. */
  readonly violations: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #stores: MemoryStore[] = [];

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
    this.store = new MemoryStore({ clock: this.clock, random: this.random });
    this.#running.push(this.#observe());
  }

  start(identity = 'one', options?: ControllerSettings): Candidate {
    const { clock, random } = this;
    const store = new MemoryStore({ clock, random, server: this.store.server });
    const faults = new FaultyStore(store, clock, random);
    const manager = new ControllerManager({
      store: faults,
      clock,
      random,
      log: silentLogger,
      identity,
      options,
    });
    this.#stores.push(store);
    const killed = new AbortController();
    this.#running.push(manager.run(AbortSignal.any([this.#stop.signal, killed.signal])));
    const kill = () => {
      store.setReachable(false);
      killed.abort();
    };
    return { manager, store, faults, kill };
  }

  async executor(name: string): Promise<StoredExecutor> {
    const executor = new StoredExecutor(name, this.store, this.random);
    this.executors.push(executor);
    await executor.connect();
    return executor;
  }

  /** A formation and its release v1 with processes of which nothing is said. */
  async formation(name: string, ...processes: string[]): Promise<void> {
    await this.#create(formations, '', name, {});
    await this.release(name, 'v1', ...processes);
  }

  /** Auxiliary services are the same ones in all releases. */
  async release(formation: string, name: string, ...processes: string[]): Promise<void> {
    const entries = processes.map((process): [string, object] => {
      return [process, isAuxiliary(process) ? { auxiliary: { type: 'redis' } } : {}];
    });
    await this.releaseWith(formation, name, Object.fromEntries(entries));
  }

  /** A release whose processes are these. */
  async releaseWith(
    formation: string,
    name: string,
    definitions: Readonly<Record<string, object>>,
  ): Promise<void> {
    const entries = Object.entries(definitions).map(([process, said]) => [
      process,
      Process.fromPartial(said),
    ]);
    const spec = {
      ...releases.decode(new Uint8Array()).spec,
      processes: Object.fromEntries(entries) as never,
    };
    await this.#create(releases, formation, name, { spec });
  }

  async scale(formation: string, name: string, factors: Record<string, number>): Promise<void> {
    const before = await this.scaleOf(formation, name);
    if (!before) return this.#create(scales, formation, name, { spec: { factors } });
    const { metadata, spec } = before;
    const object: Scale = {
      ...before,
      metadata: { ...metadata, generation: metadata.generation + 1n },
      spec: { factors: { ...spec.factors, ...factors } },
    };
    await this.store.commit([{ op: 'update', kind: scales, object }]);
  }

  async deleteFormation(name: string): Promise<void> {
    const object = await this.store.get(formations, { formation: '', name });
    if (!object) return;
    const metadata = { ...object.metadata, deleted: new Date(this.clock.now()) };
    await this.store.commit([{ op: 'update', kind: formations, object: { ...object, metadata } }]);
  }

  scaleOf(formation: string, name: string): Promise<Scale | undefined> {
    return this.store.get(scales, { formation, name });
  }

  async instances(formation: string): Promise<readonly Instance[]> {
    return (await this.store.list(instances, { formation })).items;
  }

  async living(formation: string): Promise<readonly Instance[]> {
    return (await this.instances(formation)).filter((instance) => !isFinished(instance.status.state));
  }

  /** Lets time pass, the executors carrying out what they are given. */
  async run(ms: number, stepMs = 100): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      await this.clock.advance(stepMs);
      for (const executor of this.executors) await executor.step();
    }
    await this.clock.settle();
  }

  /** Ends everything; throws when something was seen that must never be, or something was left running. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const executor of this.executors) await executor.disconnect();
    await this.clock.settle();
    await Promise.all(this.#running);
    for (const store of [...this.#stores, this.store]) await store.close();
    if (this.violations.length > 0) throw new Error(this.violations.join('\n'));
    if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers were left running`);
  }

  async #create<T extends StoredObject>(
    kind: Kind<T>,
    formation: string,
    name: string,
    content: Partial<T>,
  ): Promise<void> {
    const object = { ...kind.decode(new Uint8Array()), ...content };
    Object.assign(object.metadata, { name, formation, uid: this.random.uuid(), generation: 1n });
    await this.store.commit([{ op: 'create', kind, object }]);
  }

  /** Sees every change of every instance, and that none is assigned twice or goes back. */
  async #observe(): Promise<void> {
    const placed = new Map<string, string>();
    for await (const batch of this.store.watch({ kinds: [instances], after: 0n }, this.#stop.signal)) {
      for (const { object } of batch.changes) {
        const instance = object as Instance | undefined;
        const where = instance?.spec.executor;
        if (!instance || !where) continue;
        const before = placed.get(instance.metadata.uid) ?? where;
        if (before !== where)
          this.violations.push(`${instance.metadata.name} moved from ${before} to ${where}`);
        placed.set(instance.metadata.uid, where);
      }
    }
  }
}
