import { backoffMs } from '../../base/backoff';
import { sleep, type Clock } from '../../base/clock';
import { CancelledError, messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import type { Lease, Store } from '../../store/store';

export interface LeaseKeeperOptions {
  readonly store: Pick<Store, 'lease'>;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** There is a new lease: put under it what is to live. May throw; it is called again then. */
  readonly onRenewed: (signal: AbortSignal) => Promise<void>;
}

const retry = { startMs: 100, capMs: 1_000, jitter: 0.5 };

/** The one lease of this server: taken when it is first needed, and taken anew when it is lost. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #ended = new AbortController();
  #lease: Promise<Lease> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** A lease that is held. */
  async current(): Promise<Lease> {
    if (this.#ended.signal.aborted) throw new CancelledError('the server stops');
    this.#lease ??= this.#take();
    return this.#lease;
  }

  /** Gives the lease up, and with it all that lives under it. */
  async close(): Promise<void> {
    this.#ended.abort(new CancelledError('the server stops'));
    const lease = await this.#lease?.catch(() => undefined);
    if (!lease) return;
    await lease.revoke().catch((error: unknown) => {
      this.#options.log.info('lease not revoked', { error: messageOf(error) });
    });
    lease.dispose();
  }

  async #take(): Promise<Lease> {
    try {
      const lease = await this.#options.store.lease(this.#options.ttlMs, this.#ended.signal);
      lease.lost.addEventListener('abort', () => this.#onLost(lease), { once: true });
      return lease;
    } catch (error) {
      this.#lease = undefined;
      throw error;
    }
  }

  #onLost(lease: Lease): void {
    lease.dispose();
    this.#lease = undefined;
    if (!this.#ended.signal.aborted) void this.#renew();
  }

  async #renew(): Promise<void> {
    const { clock, random, log, onRenewed } = this.#options;
    const { signal } = this.#ended;
    log.warn('lease of the sessions lost');
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const lease = await this.current();
        await onRenewed(signal);
        if (!lease.lost.aborted) log.info('sessions renewed');
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.info('sessions not renewed yet', { error: messageOf(error) });
        await sleep(clock, backoffMs(retry, failures, random), signal).catch(() => {});
      }
    }
  }
}
