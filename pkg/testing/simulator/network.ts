import type { Clock } from '../../base/clock';
import type { Random } from '../../base/random';
import type { Connection } from './connection';

/** How messages fare now. Changed by the scenario. */
export interface NetworkWeather {
  /** The longest that a message is under way. */
  delayMs: number;
  /** The share of messages that arrive twice. */
  repeatRate: number;
}

/** Which machines reach which, and how fast. Knows the connections, so that it can break them. */
export class Network {
  readonly weather: NetworkWeather = { delayMs: 2, repeatRate: 0 };
  readonly time: Clock;
  readonly random: Random;
  readonly #cuts = new Set<string>();
  readonly #down = new Set<string>();
  readonly #connections = new Set<Connection>();

  constructor(time: Clock, random: Random) {
    this.time = time;
    this.random = random;
  }

  delayMs(): number {
    return 0.1 + this.random.next() * this.weather.delayMs;
  }

  reaches(one: string, other: string): boolean {
    return !this.#cuts.has(pair(one, other));
  }

  /** Nothing passes between the machines any more. Who waits for the other's sign of life gives up after a moment. */
  cut(one: string, other: string): void {
    this.#cuts.add(pair(one, other));
    this.suspect(one);
  }

  /** What was held up arrives, on connections that nobody has given up meanwhile. */
  join(one: string, other: string): void {
    this.#cuts.delete(pair(one, other));
    for (const connection of this.#connections) connection.resume();
  }

  joinAll(): void {
    this.#cuts.clear();
    for (const connection of this.#connections) connection.resume();
  }

  /** A machine loses its power, or has it again. */
  setUp(host: string, up: boolean): void {
    if (up) this.#down.delete(host);
    else this.#down.add(host);
  }

  isUp(host: string): boolean {
    return !this.#down.has(host);
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  delete(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Something is wrong with the machine, or with a process there: its peers will notice by its silence. */
  suspect(host: string): void {
    for (const connection of this.#connections) {
      if (connection.hosts.includes(host)) connection.watchForSilence();
    }
  }

  /** Breaks one connection of the machine, as a reset does. */
  reset(host: string): void {
    for (const connection of this.#connections) {
      if (connection.hosts.includes(host)) connection.break('the connection was reset');
    }
  }
}

function pair(one: string, other: string): string {
  return [one, other].sort().join(' ');
}
