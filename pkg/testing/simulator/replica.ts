import type { Clock } from '../../base/clock';
import type { Logger } from '../../base/log';
import type { MemoryServer } from '../../store/memory/memory-server';
import type { Write } from '../../store/store';
import { ControlPlane } from './control-plane';
import { ProcessStore } from './process-store';
import type { StoreWeather } from './process-store';
import type { SimProcess } from './sim-process';

export interface ReplicaOptions {
  readonly name: string;
  readonly time: Clock;
  readonly log: Logger;
  readonly server: MemoryServer;
  readonly weather: StoreWeather;
  readonly newProcess: () => SimProcess;
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
    const { server, time, weather, log, newProcess, onControllersCommit } = this.#options;
    const process = newProcess();
    const { random } = process;
    const common = { process, server, time, random, weather };
    const store = new ProcessStore(common);
    const controllersStore = new ProcessStore({
      ...common,
      onCommit: (writes, revision) => onControllersCommit(process, writes, revision),
    });
    for (const one of [store, controllersStore]) one.setReachable(this.#reachable);
    this.#plane = new ControlPlane(process, store, controllersStore, log);
    this.#plane.start();
  }

  kill(): void {
    this.#plane?.process.kill();
  }

  /** Whether it, and whatever is started in its place, reaches the store. */
  setStoreReachable(reachable: boolean): void {
    this.#reachable = reachable;
    const { plane } = this;
    for (const store of plane ? [plane.store, plane.controllersStore] : []) store.setReachable(reachable);
  }

  /** How long its transactions are under way. */
  setCommitDelay(delayMs: number): void {
    const { plane } = this;
    for (const store of plane ? [plane.store, plane.controllersStore] : []) store.commitDelayMs = delayMs;
  }
}
