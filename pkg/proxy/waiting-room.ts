import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import type { TrafficCounters } from '../metrics/traffic-counters';
import { Refusal } from './refusal';

/** Of those who wait for the same: a service by its plain name, or the address of a host outside. */
export type Line = { readonly service: string; readonly formation: string } | { readonly address: string };

/**
 * A request has nowhere to go now, though it may soon: its service has no instance, and wakes when it is asked for; or
 * all that could take it have as many connections as they may.
 */
export class Shortage extends Refusal {
  constructor(
    readonly kind: 'asleep' | 'full',
    readonly line: Line,
    /** `web.shop.service` */
    readonly label: string,
    /** `limit of 1000 connections` */
    readonly limit = '',
    /** Who asks for the same is told the same. Absent where it is for what this request alone has tried. */
    readonly want?: string,
  ) {
    super(503, kind === 'full' ? `${label} is at its ${limit}` : `${label} has no instance`, {
      retryAfterSeconds: 1,
    });
  }
}

/** A request that waits. */
export interface Waiter {
  /** There may be a place for it. @returns why there was none; undefined: it waits no more */
  again(): Shortage | undefined;
  /** It has waited in vain. */
  turnedAway(refusal: Refusal): void;
}

export interface WaitingOptions {
  /** How long a request waits for a connection, and how many do. */
  readonly queueMs: number;
  readonly queued: number;
  /** How long a request is held until its service has an instance, and how many are. */
  readonly holdMs: number;
  readonly held: number;
}

/** Of all places one line has this part at most, so that a service that never comes up leaves room for others; but so many. */
const shareOfLine = 0.25;
const leastOfLine = 16;

interface Place {
  readonly waiter: Waiter;
  readonly shortage: Shortage;
  readonly key: string;
  readonly timer: Disposable;
}

/** Where requests wait for a place to be sent to: each line first come first served, bounded in number and time. */
export class WaitingRoom {
  readonly #lines = new Map<string, Set<Place>>();
  readonly #places = new Map<Waiter, Place>();
  readonly #called = new Set<string>();
  readonly #counts = { asleep: 0, full: 0 };

  constructor(
    private readonly context: {
      readonly clock: Clock;
      readonly options: WaitingOptions;
      readonly traffic?: TrafficCounters;
    },
  ) {}

  /** How many wait for a connection. */
  get queued(): number {
    return this.#counts.full;
  }

  /** @throws {Refusal} where there is no room */
  wait(shortage: Shortage, waiter: Waiter): void {
    const { clock, options } = this.context;
    const { kind, line } = shortage;
    const [limit, limitMs] =
      kind === 'full' ? [options.queued, options.queueMs] : [options.held, options.holdMs];
    if (this.#counts[kind] >= limit) throw noRoom(shortage, limit);
    const key = keyOf(line);
    const share = Math.max(leastOfLine, Math.floor(limit * shareOfLine));
    if ((this.#lines.get(key)?.size ?? 0) >= share) throw noRoom(shortage, share);
    const timer = clock.after(limitMs, () => {
      this.#leave(place, 1);
      waiter.turnedAway(inVain(shortage, limitMs));
    });
    const place: Place = { waiter, shortage, key, timer };
    this.#places.set(waiter, place);
    const others = this.#lines.get(key);
    if (others) others.add(place);
    else this.#lines.set(key, new Set([place]));
    this.#counts[kind]++;
    this.#tell(place);
  }

  /** It does not wait any more, if it did. */
  leave(waiter: Waiter): void {
    const place = this.#places.get(waiter);
    if (place) this.#leave(place);
  }

  /** Something has changed for those in a line: soon, each in its turn tries again. */
  call(line: Line): void {
    // In the way of every request.
    if (this.#lines.size === 0) return;
    const key = keyOf(line);
    if (!this.#lines.has(key) || this.#called.has(key)) return;
    this.#called.add(key);
    queueMicrotask(() => {
      this.#called.delete(key);
      // Where one finds no place, those behind it that want the same are not asked: each of them costs, and with each
      // connection that gets free all of them would be.
      const short = new Set<string | undefined>();
      for (const place of [...(this.#lines.get(key) ?? [])]) {
        const { want } = place.shortage;
        if (want === undefined || !short.has(want)) short.add(this.#turn(place)?.want);
      }
    });
  }

  close(): void {
    for (const place of [...this.#places.values()]) this.#leave(place);
  }

  /** Why there was no place for it; undefined: it waits no more. */
  #turn(place: Place): Shortage | undefined {
    const { waiter, shortage } = place;
    if (this.#places.get(waiter) !== place) return undefined;
    const still = waiter.again();
    if (still?.kind === shortage.kind) return still;
    this.#leave(place);
    if (!still) return undefined;
    try {
      this.wait(still, waiter);
    } catch (error) {
      waiter.turnedAway(error as Refusal);
    }
    return still;
  }

  #leave(place: Place, errors = 0): void {
    const { waiter, key, shortage, timer } = place;
    if (this.#places.get(waiter) !== place) return;
    timer.dispose();
    this.#places.delete(waiter);
    const others = this.#lines.get(key);
    others?.delete(place);
    if (others?.size === 0) this.#lines.delete(key);
    this.#counts[shortage.kind]--;
    this.#tell(place, { errors });
  }

  /** Whoever scales services sees for which ones requests are held. */
  #tell({ key, shortage }: Place, left?: { readonly errors: number }): void {
    const { kind, line } = shortage;
    if (kind !== 'asleep' || 'address' in line) return;
    const held = [...(this.#lines.get(key) ?? [])].filter((one) => one.shortage.kind === 'asleep').length;
    const traffic = this.context.traffic?.of({ ...line, release: '' });
    traffic?.hold(held);
    if (left) traffic?.count(1, left.errors);
  }
}

function keyOf(line: Line): string {
  return 'address' in line ? line.address : `${line.service}.${line.formation}`;
}

function noRoom({ kind, message }: Shortage, limit: number): Refusal {
  const others = kind === 'full' ? `${limit} requests wait already` : `${limit} requests are held already`;
  return new Refusal(503, `${message}, and ${others}: try again`, { retryAfterSeconds: 1 });
}

function inVain({ kind, label, limit }: Shortage, limitMs: number): Refusal {
  const reason =
    kind === 'asleep'
      ? `no instance of ${label} has come up within ${limitMs} ms`
      : `${label} was at its ${limit} for ${limitMs} ms: try again`;
  return new Refusal(503, reason, { retryAfterSeconds: 1 });
}
