import type { Clock } from '../base/clock';
import { PortTaken } from './driver-errors';

export interface PortAllocatorOptions {
  readonly from: number;
  readonly to: number;
  /** Whether nothing else on the host listens there. */
  readonly isFree: (port: number) => Promise<boolean>;
  readonly clock: Clock;
  /** How long a port that something else had is passed over. Default 60 s. */
  readonly avoidMs?: number;
}

/**
 * Gives out host ports, the lowest free one first. A port is taken the moment it is picked, before anything is
 * awaited, so that two starts never hold the same one; it stays its instance's until released, through restarts.
 */
export class PortAllocator {
  readonly #options: PortAllocatorOptions;
  /** Invariant: a port is held by one instance at most. */
  readonly #holders = new Map<number, string>();
  /** Port → until when it is passed over. */
  readonly #avoided = new Map<number, number>();

  constructor(options: PortAllocatorOptions) {
    this.#options = options;
  }

  /** Takes over the ports that a container has already. Those held by another instance are left to that one. */
  adopt(uid: string, ports: readonly number[]): void {
    for (const port of ports) if (!this.#holders.has(port)) this.#holders.set(port, uid);
  }

  /** As many ports for the instance: those it holds, where nothing else has taken them, then new ones. */
  async allocate(uid: string, count: number): Promise<readonly number[]> {
    for (;;) {
      const held = this.heldBy(uid);
      for (const port of held.slice(count)) this.#holders.delete(port);
      while (held.length < count) held.push(this.#take(uid));
      const ports = held.slice(0, count);
      const free = await Promise.all(ports.map((port) => this.#options.isFree(port)));
      const taken = ports.filter((_, index) => !free[index]);
      if (taken.length === 0) return ports;
      for (const port of taken) this.avoid(uid, port);
    }
  }

  /** Something else has the port: the instance gives it up, and nobody is given it for a while. */
  avoid(uid: string, port: number): void {
    if (this.#holders.get(port) === uid) this.#holders.delete(port);
    this.#avoided.set(port, this.#options.clock.monotonic() + (this.#options.avoidMs ?? 60_000));
  }

  release(uid: string): void {
    for (const port of this.heldBy(uid)) this.#holders.delete(port);
  }

  heldBy(uid: string): number[] {
    return [...this.#holders].filter(([, holder]) => holder === uid).map(([port]) => port);
  }

  #take(uid: string): number {
    const { from, to, clock } = this.#options;
    const now = clock.monotonic();
    for (let port = from; port <= to; port++) {
      if (this.#holders.has(port) || (this.#avoided.get(port) ?? 0) > now) continue;
      this.#avoided.delete(port);
      this.#holders.set(port, uid);
      return port;
    }
    throw new PortTaken(`no host port from ${from} to ${to} is free`, undefined);
  }
}
