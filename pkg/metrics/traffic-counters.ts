import type { Clock } from '../base/clock';
import type { Random } from '../base/random';
import type { TrafficLine } from '../registry/traffic';
import { bucketOf, emptyBuckets } from './duration-buckets';

/** Which release of which service. */
export interface TrafficKey {
  readonly formation: string;
  readonly service: string;
  readonly release: string;
}

export interface TrafficCountersOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long one that nothing is sent to is remembered. Default ten minutes. */
  readonly forgetMs?: number;
  /** So many at most, the ones that were used last. */
  readonly maxLines?: number;
}

interface Cell {
  readonly key: TrafficKey;
  readonly epoch: string;
  requests: number;
  errors: number;
  waiting: number;
  connections: number;
  open: number;
  readonly durations: number[];
  /** Requests and connections when it was told last: the clock is not asked for every request. */
  told: number;
  usedMs: number;
  forgotten: boolean;
}

/** Counts for one release of a service. May be kept, and is cheap: it is in the way of every request. */
export class ReleaseTraffic {
  #last: Cell | undefined;

  constructor(private readonly cellOf: () => Cell) {}

  /** So many have been answered, or will not be. */
  count(requests: number, errors: number): void {
    const cell = this.#cell();
    cell.requests += requests;
    cell.errors += errors;
  }

  took(durationMs: number): void {
    const { durations } = this.#cell();
    const bucket = bucketOf(durationMs);
    durations[bucket] = (durations[bucket] ?? 0) + 1;
  }

  /** So many are held now. */
  hold(waiting: number): void {
    this.#cell().waiting = waiting;
  }

  /** So many connections more have been made, of those whose requests nobody sees. */
  connected(more: number): void {
    this.#cell().connections += more;
  }

  /** So many are open now, or under way. */
  isOpen(open: number): void {
    this.#cell().open = open;
  }

  /** One more is open; `ended` has to follow. */
  began(): void {
    this.#cell().open++;
  }

  ended(): void {
    const cell = this.#cell();
    // It may have been forgotten meanwhile: then there is nothing to take it from.
    cell.open = Math.max(0, cell.open - 1);
  }

  #cell(): Cell {
    // What was forgotten meanwhile begins anew.
    const cell = this.#last?.forgotten === false ? this.#last : (this.#last = this.cellOf());
    return cell;
  }
}

/** What one sender has sent to whom. Bounded: what is not used is forgotten. */
export class TrafficCounters {
  readonly #cells = new Map<string, Cell>();
  readonly #life: string;
  readonly #forgetMs: number;
  readonly #maxLines: number;
  #epochs = 0;

  constructor(private readonly options: TrafficCountersOptions) {
    this.#life = options.random.uuid().slice(0, 8);
    this.#forgetMs = options.forgetMs ?? 600_000;
    this.#maxLines = options.maxLines ?? 2_000;
  }

  of({ formation, service, release }: TrafficKey): ReleaseTraffic {
    const id = `${formation}/${service}/${release}`;
    return new ReleaseTraffic(() => {
      let cell = this.#cells.get(id);
      if (!cell) this.#cells.set(id, (cell = this.#begin({ formation, service, release })));
      return cell;
    });
  }

  /** All there is to tell now; forgets what has not been used for long. To be called every few seconds. */
  lines(): TrafficLine[] {
    this.#forget();
    return [...this.#cells.values()].map(
      ({ key, epoch, requests, errors, durations, waiting, connections, open }) => ({
        ...key,
        ...{ epoch, requests, errors, waiting },
        durations: [...durations],
        ...(connections > 0 && { connections }),
        ...(open > 0 && { open }),
      }),
    );
  }

  #begin(key: TrafficKey): Cell {
    return {
      key,
      epoch: `${this.#life}.${++this.#epochs}`,
      ...{ requests: 0, errors: 0, waiting: 0, connections: 0, open: 0, told: 0 },
      durations: emptyBuckets(),
      usedMs: this.options.clock.monotonic(),
      forgotten: false,
    };
  }

  #forget(): void {
    const nowMs = this.options.clock.monotonic();
    const oldestFirst = [...this.#cells].sort(([, left], [, right]) => left.usedMs - right.usedMs);
    let surplus = this.#cells.size - this.#maxLines;
    for (const [id, cell] of oldestFirst) {
      const used = cell.requests + cell.connections;
      if (used !== cell.told || cell.waiting > 0 || cell.open > 0) cell.usedMs = nowMs;
      cell.told = used;
      if (nowMs - cell.usedMs < this.#forgetMs && surplus-- <= 0) continue;
      cell.forgotten = true;
      this.#cells.delete(id);
    }
  }
}
