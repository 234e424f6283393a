import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { Expiry } from '../expiry';
import type { Lease } from '../store';

/** How many renewals fit in the time to live. */
const renewalsPerTtl = 5;

/** How a lease reaches the server: undefined while it cannot be reached. */
export type Renew = (id: string) => boolean | undefined;

export class MemoryLease implements Lease {
  readonly #expiry: Expiry;
  #timer: Disposable | undefined;

  constructor(
    readonly id: string,
    private readonly clock: Clock,
    private readonly ttlMs: number,
    private readonly server: { renew: Renew; revoke(id: string): void },
  ) {
    this.#expiry = new Expiry(clock, ttlMs, clock.monotonic());
    this.#schedule();
  }

  get lost(): AbortSignal {
    return this.#expiry.lost;
  }

  async revoke(): Promise<void> {
    this.dispose();
    this.server.revoke(this.id);
  }

  dispose(): void {
    this.#timer?.dispose();
    this.#expiry.dispose();
  }

  #schedule(): void {
    this.#timer = this.clock.after(this.ttlMs / renewalsPerTtl, () => {
      if (this.lost.aborted) return;
      const renewed = this.server.renew(this.id);
      if (renewed === false) return this.#expiry.lose('the lease has expired');
      if (renewed) this.#expiry.renewed(this.clock.monotonic());
      this.#schedule();
    });
  }
}
