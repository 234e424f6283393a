import { createHash } from 'node:crypto';
import type { ContainerSpec } from '../agent/container-spec';
import type { ContainerEvent, LogEntry } from '../agent/driver';
import { ContainerGone } from '../agent/driver-errors';
import type { Clock } from '../base/clock';
import { createdContainer, type FakeContainer } from './fake-driver-container';

/** The containers of an engine in memory: how they begin, print and end. */
export class FakeContainers {
  readonly #containers = new Map<string, FakeContainer>();
  #made = 0;
  #started = 0;
  /** Ports that something else on the host has. */
  readonly takenPorts = new Set<number>();

  constructor(
    private readonly clock: Clock,
    private readonly emit: (container: FakeContainer, action: ContainerEvent['action']) => void,
  ) {}

  get all(): readonly FakeContainer[] {
    return [...this.#containers.values()];
  }

  get running(): readonly FakeContainer[] {
    return this.all.filter(({ state }) => state === 'running');
  }

  /** By id or name. */
  get(id: string): FakeContainer | undefined {
    return this.#containers.get(id) ?? this.all.find(({ name }) => name === id);
  }

  /** As `get`. Throws ContainerGone. */
  find(id: string): FakeContainer {
    const container = this.get(id);
    if (!container) throw new ContainerGone(`no such container: ${id}`);
    return container;
  }

  create(spec: ContainerSpec): FakeContainer {
    const id = createHash('sha256').update(`${spec.name}/${++this.#made}`).digest('hex');
    const container = createdContainer(id, spec);
    this.#containers.set(id, container);
    return container;
  }

  /** With the lowest address that is free where `reusesAddresses`; else with another one each time. */
  start(container: FakeContainer, reusesAddresses: boolean): void {
    container.state = 'running';
    container.startedMs = this.clock.now();
    this.#started++;
    container.address = this.#freeAddress(reusesAddresses);
    container.link = 100 + this.#started;
    container.exitCode = undefined;
  }

  exit(container: FakeContainer, exitCode: number): void {
    if (container.state !== 'running') return;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedMs = this.clock.now();
    container.address = undefined;
    container.link = undefined;
    container.terminal?.finish(exitCode);
    this.emit(container, 'exited');
  }

  remove(container: FakeContainer): void {
    this.exit(container, 137);
    this.#containers.delete(container.id);
    this.emit(container, 'removed');
  }

  print(container: FakeContainer, line: string, stream: LogEntry['stream']): void {
    const last = container.logs.at(-1)?.timeNs ?? 0n;
    const now = BigInt(Math.round(this.clock.now() * 1000)) * 1000n;
    container.logs.push({ stream, line: Buffer.from(line), timeNs: now > last ? now : last + 1n });
    for (const listener of container.changed) listener();
  }

  portInUse(port: number): boolean {
    if (this.takenPorts.has(port)) return true;
    return this.running.some(({ ports }) => ports.some(({ hostPort }) => hostPort === port));
  }

  #freeAddress(reuses: boolean): string {
    const taken = new Set(this.running.map(({ address }) => address));
    const at = (index: number) => `10.0.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`;
    let index = reuses ? 1 : this.#started;
    while (reuses && taken.has(at(index))) index++;
    return at(index);
  }
}
