import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';

/**
 * Tells the holder of a lease, by its own monotonic clock, that the lease may be over: two thirds of the time to live
 * after the last renewal that was acknowledged was sent. The store counts the whole time to live, and from a later
 * moment: so the holder stops while nobody else can have begun.
 */
export class Expiry implements Disposable {
  readonly #controller = new AbortController();
  #timer: Disposable | undefined;
  #until: number;

  constructor(
    private readonly clock: Clock,
    private readonly ttlMs: number,
    sentAt: number,
  ) {
    this.#until = sentAt + this.#allowanceMs;
    this.#arm();
  }

  get lost(): AbortSignal {
    return this.#controller.signal;
  }

  get #allowanceMs(): number {
    return (this.ttlMs * 2) / 3;
  }

  /** A renewal sent at this moment (monotonic) was acknowledged. */
  renewed(sentAt: number): void {
    this.#until = Math.max(this.#until, sentAt + this.#allowanceMs);
  }

  /** It is over already. */
  lose(reason: string): void {
    this.#timer?.dispose();
    if (!this.lost.aborted) this.#controller.abort(new Error(reason));
  }

  dispose(): void {
    this.lose('the lease was given up');
  }

  // One timer that looks again, instead of a new one with each renewal.
  #arm(): void {
    const leftMs = this.#until - this.clock.monotonic();
    if (leftMs <= 0) return this.lose('the lease was not renewed in time');
    this.#timer = this.clock.after(leftMs, () => this.#arm());
  }
}
