import type { Clock } from '../base/clock';
import type { Digest } from './item';

interface Beat {
  heartbeat: number;
  /** By our own monotonic clock. */
  heardMs: number;
}

/** Which nodes live, by their heartbeats as others have passed them on. */
export class Liveness {
  readonly #clock: Clock;
  readonly #livenessMs: number;
  readonly #beats = new Map<string, Beat>();
  /** Since when each other node is one of the stage's. */
  readonly #expectedMs = new Map<string, number>();
  #own: number;

  constructor(
    private readonly name: string,
    options: { readonly clock: Clock; readonly livenessMs: number },
  ) {
    this.#clock = options.clock;
    this.#livenessMs = options.livenessMs;
    // Begins above what was counted before a restart; if not, a peer's digest says so.
    this.#own = Math.floor(options.clock.now() / 1_000);
  }

  beat(): void {
    this.#own++;
  }

  heartbeat(origin: string): number {
    return origin === this.name ? this.#own : (this.#beats.get(origin)?.heartbeat ?? 0);
  }

  hear({ origin, heartbeat, ageMs }: Pick<Digest, 'origin' | 'heartbeat' | 'ageMs'>): void {
    if (origin === this.name) {
      if (heartbeat > this.#own) this.#own = heartbeat + 1;
      return;
    }
    const heardMs = this.#clock.monotonic() - Math.max(0, ageMs);
    const beat = this.#beats.get(origin);
    if (!beat) this.#beats.set(origin, { heartbeat, heardMs });
    else if (heartbeat > beat.heartbeat) {
      beat.heartbeat = heartbeat;
      beat.heardMs = Math.max(beat.heardMs, heardMs);
    }
  }

  /** The node itself has just spoken to us. */
  heardDirectly(origin: string): void {
    const beat = this.#beats.get(origin);
    if (beat) beat.heardMs = this.#clock.monotonic();
    else this.#beats.set(origin, { heartbeat: 0, heardMs: this.#clock.monotonic() });
  }

  /** When it was last known to live; undefined when it was never heard of. */
  heardMs(origin: string): number | undefined {
    return origin === this.name ? this.#clock.monotonic() : this.#beats.get(origin)?.heardMs;
  }

  isUp(origin: string): boolean {
    const heardMs = this.heardMs(origin);
    return heardMs !== undefined && this.#clock.monotonic() - heardMs < this.#livenessMs;
  }

  /** It is one of the stage's nodes, from now on. */
  expect(origin: string): void {
    if (!this.#expectedMs.has(origin)) this.#expectedMs.set(origin, this.#clock.monotonic());
  }

  /** Who was never heard of may be up as well as down, until it has been silent for as long as any other. */
  mayBeUp(origin: string): boolean {
    if (this.heardMs(origin) !== undefined) return this.isUp(origin);
    const sinceMs = this.#expectedMs.get(origin);
    return sinceMs !== undefined && this.#clock.monotonic() - sinceMs < this.#livenessMs;
  }

  forget(origin: string): void {
    this.#beats.delete(origin);
    this.#expectedMs.delete(origin);
  }
}
