import { type Clock, sleep } from '../base/clock';
import type { Logger } from '../base/log';
import type { AddressRange } from './address-range';
import type { ConnectionTable } from './connections';

export interface DrainOptions {
  readonly connections: ConnectionTable;
  readonly range: AddressRange;
  readonly clock: Clock;
  readonly log: Logger;
  /** After which connections are not waited for any longer. */
  readonly drainMs: number;
}

interface Waiter {
  readonly targets: readonly string[];
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly done: () => void;
}

const firstLookMs = 20;
const slowestLookMs = 250;
/** Where nobody can say what is connected: as long as most requests take. */
const settleMs = 2000;

/** Waits for connections through virtual addresses to end. One look at the kernel's table serves all who wait. */
export class Drain {
  readonly #options: DrainOptions;
  readonly #closed = new AbortController();
  readonly #waiting = new Set<Waiter>();
  #running = false;
  #saidUnknown = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Resolves when no connection to the targets (`address:port`) is left, or is waited for. */
  ended(targets: readonly string[]): Promise<void> {
    if (targets.length === 0 || this.#closed.signal.aborted) return Promise.resolve();
    const { clock, drainMs } = this.#options;
    return new Promise((done) => {
      const sinceMs = clock.monotonic();
      this.#waiting.add({ targets, sinceMs, untilMs: sinceMs + drainMs, done });
      if (!this.#running) void this.#look();
    });
  }

  close(): void {
    this.#closed.abort();
    for (const waiter of this.#waiting) this.#release(waiter);
  }

  async #look(): Promise<void> {
    const { connections, range, clock } = this.#options;
    this.#running = true;
    for (let delayMs = firstLookMs; this.#waiting.size > 0; delayMs = Math.min(2 * delayMs, slowestLookMs)) {
      const asked = [...this.#waiting];
      const open = await connections.open(range).catch(() => undefined);
      if (!open) this.#sayUnknown();
      const busy = open && new Set(open.map(({ target }) => target));
      for (const waiter of asked) {
        const left = busy
          ? waiter.targets.some((target) => busy.has(target))
          : clock.monotonic() < waiter.sinceMs + settleMs;
        if (!left || clock.monotonic() >= waiter.untilMs) this.#release(waiter);
      }
      if (this.#waiting.size > 0) await sleep(clock, delayMs, this.#closed.signal).catch(() => {});
    }
    this.#running = false;
  }

  #sayUnknown(): void {
    if (this.#saidUnknown) return;
    this.#saidUnknown = true;
    this.#options.log.warn(
      'connections to virtual IPs cannot be seen: withdrawals wait a fixed time; install conntrack',
      { settleMs },
    );
  }

  #release(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    waiter.done();
  }
}
