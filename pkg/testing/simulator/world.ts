import { UnavailableError } from '../../base/errors';
import type { Logger } from '../../base/log';
import { silentLogger } from '../../base/log';
import { SeededRandom } from '../../base/random';
import { MemoryServer } from '../../store/memory/memory-server';
import { Checks } from './checks';
import { Connection } from './connection';
import { History } from './history';
import { Machine } from './machine';
import { Network } from './network';
import type { StoreWeather } from './process-store';
import { Replica } from './replica';
import type { Sabotage } from './sabotage';
import { seedOf } from './seed';
import { SimClock } from './sim-clock';
import { SimProcess } from './sim-process';
import { storyOf } from './story';
import { Trace } from './trace';
import { User } from './user';
import { Watcher } from './watcher';

export interface WorldSize {
  readonly replicas: number;
  readonly machines: number;
}

export interface WorldOptions {
  readonly log?: Logger;
  /** What is broken in the product on purpose. */
  readonly sabotage?: Sabotage;
}

/** A whole stage in one process: a store, control planes, executors, a user and one who watches. All from one seed. */
export class World {
  readonly time = new SimClock();
  readonly trace = new Trace(this.time);
  readonly server = new MemoryServer(this.time);
  readonly history = new History(this.server);
  readonly network: Network;
  readonly storeWeather: StoreWeather = { errorRate: 0 };
  readonly replicas: readonly Replica[];
  readonly machines: readonly Machine[];
  readonly user: User;
  readonly watcher: Watcher;
  readonly checks: Checks;
  /** Nothing goes wrong any more. */
  healed = false;
  readonly #seed: number;
  readonly #processes = new Map<string, number>();

  constructor(seed: number, size: WorldSize, { log = silentLogger, sabotage }: WorldOptions = {}) {
    this.#seed = seed;
    this.network = new Network(this.time, new SeededRandom(seedOf(seed, 'network')));
    const observers = new Checks(this);
    this.checks = observers;
    this.history.onChange((change) => {
      const told = storyOf(change);
      if (told) this.trace.add(told);
      else this.trace.count(change.path);
      observers.onChange(change);
    });
    this.time.onRest = () => observers.onRest();
    this.replicas = names('cp', size.replicas).map(
      (name) =>
        new Replica({
          ...{ name, log, sabotage, time: this.time, server: this.server, weather: this.storeWeather },
          newProcess: () => this.#newProcess(name),
          onControllersCommit: (process, writes, revision) =>
            observers.onControllersCommit(process, writes, revision),
        }),
    );
    this.machines = names('e', size.machines).map(
      (name) =>
        new Machine({
          ...{ name, log, sabotage, time: this.time },
          newProcess: () => this.#newProcess(name),
          dial: (process) => this.#dial(process),
          onCall: (machine, call) => {
            this.trace.add(`${machine.name} ${call.verb} ${call.uid.slice(0, 8)}`);
            observers.onEngineCall(machine, call);
          },
          onRemoveVolume: (machine, name) => {
            this.trace.add(`${machine.name} remove volume ${name}`);
            observers.onRemoveVolume(machine, name);
          },
          onWithdraw: (machine, name) => observers.onWithdraw(machine, name),
          onAcknowledged: (reports) => observers.onAcknowledged(reports),
        }),
    );
    this.user = new User(this, this.#newProcess('user'));
    this.watcher = new Watcher(this, this.#newProcess('watcher'), (seen) => observers.onWatched(seen));
  }

  start(): void {
    for (const replica of this.replicas) replica.start();
    for (const machine of this.machines) machine.startAgent();
    this.watcher.start();
  }

  /** Ends everything at once. */
  end(): void {
    this.time.onRest = () => {};
    for (const machine of this.machines) machine.killAgent();
    for (const replica of this.replicas) replica.kill();
    this.user.process.kill();
    this.watcher.process.kill();
    this.server.close();
  }

  /** Lets time pass up to a moment, or to the first violation. */
  async advanceTo(timeMs: number): Promise<void> {
    while (!this.checks.violation && this.time.monotonic() < timeMs) {
      await this.time.advance(Math.ceil(Math.min(100, timeMs - this.time.monotonic())));
    }
  }

  /** A control plane that runs, by number; undefined when none does. */
  planeAt(number: number) {
    const planes = this.replicas.flatMap(({ plane }) => plane ?? []);
    return planes[number % planes.length];
  }

  #newProcess(host: string): SimProcess {
    const number = (this.#processes.get(host) ?? 0) + 1;
    this.#processes.set(host, number);
    const name = `${host}-${number}`;
    // Nobody may rely on wall clocks: those of executors are up to an hour off.
    const skewMs = host.startsWith('e') ? (seedOf(this.#seed, host) % 7_200_000) - 3_600_000 : 0;
    return new SimProcess(this.time, { name, host, skewMs, seed: seedOf(this.#seed, name) });
  }

  /** The executors' way to the API: each try to the next control plane. */
  async #dial(process: SimProcess): Promise<Connection> {
    const replica = this.replicas[Math.floor(process.random.next() * this.replicas.length)];
    await process.wait(this.network.delayMs());
    const plane = replica?.plane;
    if (!replica || !this.network.reaches(process.host, replica.name) || plane?.process.paused) {
      await process.wait(2_000);
      throw new UnavailableError('no answer from the control plane');
    }
    if (!plane) throw new UnavailableError('the connection was refused');
    const connection = new Connection(this.network, process, plane.process);
    plane.process.clock.after(this.network.delayMs(), () => void plane.session(connection));
    return connection;
  }
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
