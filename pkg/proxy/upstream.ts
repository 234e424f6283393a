import type { Clock } from '../base/clock';
import type { ReleaseTraffic } from '../metrics/traffic-counters';
import type { Endpoint } from '../registry/types';
import type { Candidate } from './balance';
import { Connection } from './connection';
import { Counters } from './counters';
import type { Dialer, Place } from './dialer';
import { Health, type EjectionOptions } from './health';

export interface UpstreamOptions extends EjectionOptions {
  readonly connectionsPerEndpoint: number;
  readonly endpointIdleMs: number;
  readonly tunnelDrainMs: number;
}

/** One place that requests are sent to: an endpoint of a service, or a host outside. Keeps its connections. */
export class Upstream implements Candidate {
  readonly counters = new Counters();
  readonly #health: Health;
  /** The one used last is last. */
  readonly #idle: Connection[] = [];
  #connections = 0;
  #requests = 0;
  #tunnels = 0;
  #withdrawn = false;
  #usedMs = 0;
  readonly #onSettled = new Set<() => void>();

  constructor(
    private readonly context: {
      readonly clock: Clock;
      readonly dialer: Pick<Dialer, 'connect'>;
      readonly options: UpstreamOptions;
      /** It takes another connection, or has one that is not used. */
      readonly onFree?: (upstream: Upstream) => void;
    },
    readonly place: Place,
    /** Absent for hosts outside. */
    readonly endpoint?: Endpoint,
    /** Counts what becomes of requests to the endpoint's release. */
    readonly traffic?: ReleaseTraffic,
  ) {
    this.#health = new Health(context.options);
  }

  /** `10.0.0.7:10000` */
  get address(): string {
    return `${this.place.host}:${this.place.port}`;
  }

  get outstanding(): number {
    return this.#requests + this.#tunnels;
  }

  get full(): boolean {
    return this.#connections >= this.context.options.connectionsPerEndpoint && this.#idle.length === 0;
  }

  get withdrawn(): boolean {
    return this.#withdrawn;
  }

  ejected(nowMs: number): boolean {
    return this.#health.ejected(nowMs);
  }

  /** A request is to be sent here; `ended` has to follow. */
  began(nowMs: number): void {
    this.#usedMs = nowMs;
    this.#requests++;
    this.counters.requests++;
    this.traffic?.began();
  }

  ended(): void {
    this.#requests--;
    this.traffic?.ended();
    this.#settle();
  }

  /** A request has become a tunnel; `tunnelEnded` has to follow in the place of `ended`. */
  becameTunnel(): void {
    this.#requests--;
    this.#tunnels++;
    this.counters.tunnels++;
    this.#settle();
  }

  tunnelEnded(): void {
    this.#tunnels--;
    this.traffic?.ended();
    this.#settle();
  }

  succeeded(): void {
    this.#health.succeeded();
  }

  /** @param certain nobody listens there */
  failed(certain = false): void {
    this.counters.errors++;
    this.#health.failed(this.context.clock.monotonic(), certain);
  }

  /** The unused connection that was used last, if that was at most so long ago. */
  take(nowMs: number, maxIdleMs: number): Connection | undefined {
    for (let last = this.#idle.at(-1); last; last = this.#idle.at(-1)) {
      if (!this.#stillGood(last, nowMs)) {
        this.#idle.pop();
        last.destroy();
      } else {
        return nowMs - last.idleSinceMs <= maxIdleMs ? this.#idle.pop() : undefined;
      }
    }
    return undefined;
  }

  /** A new connection. @throws {DialError} */
  async open(): Promise<Connection> {
    this.#connections++;
    // A place for the new one: connections that a request does not trust still count.
    if (this.#connections > this.context.options.connectionsPerEndpoint) this.#idle.shift()?.destroy();
    try {
      const socket = await this.context.dialer.connect(this.place);
      return new Connection(socket, this.#onClosed);
    } catch (error) {
      this.#connections--;
      this.context.onFree?.(this);
      throw error;
    }
  }

  /** Takes back a connection that is ready for the next request. */
  release(connection: Connection, nowMs: number): void {
    connection.user = undefined;
    if (this.#withdrawn || !connection.open) return connection.destroy();
    connection.uses++;
    connection.idleSinceMs = nowMs;
    this.#idle.push(connection);
    this.context.onFree?.(this);
  }

  /** Closes connections that have not been used for long. Whether there is a reason to remember this place. */
  sweep(nowMs: number, forgetMs: number): boolean {
    while (this.#idle[0] && !this.#stillGood(this.#idle[0], nowMs)) this.#idle.shift()?.destroy();
    return this.outstanding > 0 || this.#connections > 0 || nowMs - this.#usedMs < forgetMs;
  }

  /** Closes what is not used, at once and from now on. */
  close(): void {
    this.#withdrawn = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /**
   * Takes no more requests. Resolves when those under way have ended, and the tunnels too or the time to wait for them
   * is over.
   */
  async withdraw(): Promise<void> {
    this.close();
    await this.#until(() => this.#requests === 0);
    await this.#until(() => this.outstanding === 0, this.context.options.tunnelDrainMs);
  }

  #until(holds: () => boolean, boundMs?: number): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        this.#onSettled.delete(check);
        timer?.dispose();
        resolve();
      };
      const check = () => {
        if (holds()) finish();
      };
      const timer = boundMs === undefined ? undefined : this.context.clock.after(boundMs, finish);
      this.#onSettled.add(check);
    });
  }

  #settle(): void {
    for (const check of [...this.#onSettled]) check();
  }

  #stillGood(connection: Connection, nowMs: number): boolean {
    const limitMs = Math.min(this.context.options.endpointIdleMs, connection.hintMs);
    return connection.open && nowMs - connection.idleSinceMs < limitMs;
  }

  readonly #onClosed = (connection: Connection): void => {
    this.#connections--;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.context.onFree?.(this);
  };
}
