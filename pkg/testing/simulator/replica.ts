import type { Clock } from '../../base/clock';
import type { Logger } from '../../base/log';
import type { MemoryServer } from '../../store/memory/memory-server';
import type { Write } from '../../store/store';
import { ControlPlane } from './control-plane';
import { ProcessStore } from './process-store';
import type { StoreWeather } from './process-store';
import type { Sabotage } from './sabotage';
import type { SimProcess } from './sim-process';

export interface ReplicaOptions {
  readonly name: string;
  readonly time: Clock;
  readonly log: Logger;
  readonly server: MemoryServer;
  readonly weather: StoreWeather;
  readonly newProcess: () => SimProcess;
  /** What is broken in it on purpose. */
  readonly sabotage?: Sabotage;
  /** Told of each transaction of the controllers that the store has carried out. */
  readonly onControllersCommit: (process: SimProcess, writes: readonly Write[], revision: bigint) => void;
}

/** A place for a control plane: started, killed and started again, each time as a new process. */
export class Replica {
  readonly #options: ReplicaOptions;
  #plane: ControlPlane | undefined;
  #reachable = true;

  constructor(options: ReplicaOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** While it runs. */
  get plane(): ControlPlane | undefined {
    return this.#plane?.process.alive ? this.#plane : undefined;
  }

  start(): void {
    if (this.plane) return;
    const { server, time, weather, log, newProcess, onControllersCommit, sabotage } = this.#options;
    const process = newProcess();
    const { random } = process;
    const common = { process, server, time, random, weather };
    const onCommit = (writes: readonly Write[], revision: bigint) =>
      onControllersCommit(process, writes, revision);
    const stores = { api: new ProcessStore(common), controllers: new ProcessStore({ ...common, onCommit }) };
    for (const store of Object.values(stores)) store.setReachable(this.#reachable);
    this.#plane = new ControlPlane(process, stores, log, sabotage);
    this.#plane.start();
  }

  kill(): void {
    this.#plane?.process.kill();
  }

  /** Whether it, and whatever is started in its place, reaches the store. */
  setStoreReachable(reachable: boolean): void {
    this.#reachable = reachable;
    for (const store of this.#stores()) store.setReachable(reachable);
  }

  /** How long its transactions are under way. */
  setCommitDelay(delayMs: number): void {
    for (const store of this.#stores()) store.commitDelayMs = delayMs;
  }

  #stores(): readonly ProcessStore[] {
    const { stores } = this.plane ?? {};
    return stores ? [stores.api, stores.controllers] : [];
  }
}
