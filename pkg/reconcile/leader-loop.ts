import { backoffMs } from '../base/backoff';
import { sleep } from '../base/clock';
import type { Clock } from '../base/clock';
import { DisposableStore } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { FencedError } from '../store/errors';
import type { Leadership, Store } from '../store/store';

/** One stretch of leading. */
export interface Term {
  readonly leadership: Leadership;
  /** Ends the term: what was taken for it. Disposed when the term is over, however it ended. */
  readonly held: DisposableStore;
}

export interface LeaderLoopOptions {
  readonly store: Pick<Store, 'campaign'>;
  readonly election: string;
  /** Who this is: shown to people. */
  readonly identity: string;
  /** How long a dead leader may keep others from leading. Default 4 s: a control plane that was killed leads again within it. */
  readonly ttlMs?: number;
  /**
   * Leads until the signal aborts; then it has to resolve. When it throws or resolves by itself, the term is over too.
   */
  readonly lead: (term: Term, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const retry = { startMs: 200, capMs: 10_000, jitter: 0.5 };
/** A term that lasted so long was a good one: what ends it is the first failure. */
const GOOD_TERM_MS = 60_000;

/** Campaigns, leads, steps down at the first sign that somebody else may lead, and campaigns again. */
export class LeaderLoop {
  readonly #options: LeaderLoopOptions;
  #leading = false;

  constructor(options: LeaderLoopOptions) {
    this.#options = options;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Until the signal aborts; then resolves, once the term is over and given up. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, election, identity, ttlMs = 4_000, clock, random, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      let began = clock.monotonic();
      try {
        const leadership = await store.campaign(election, identity, ttlMs, signal);
        began = clock.monotonic();
        await this.#term(leadership, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (clock.monotonic() - began > GOOD_TERM_MS) failures = 0;
        if (error instanceof FencedError) log.info('leadership was lost', { election, why: error.message });
        else log.warn('leading failed', { election, error: messageOf(error) });
        // A pause lets another candidate lead, where the fault is this one's own.
        await sleep(clock, backoffMs(retry, failures++, random), signal).catch(() => undefined);
      }
    }
  }

  async #term(leadership: Leadership, signal: AbortSignal): Promise<void> {
    const { election, identity, lead, log } = this.#options;
    const held = new DisposableStore();
    log.info('leads', { election, identity, term: String(leadership.term) });
    this.#leading = true;
    try {
      const until = AbortSignal.any([signal, leadership.lost]);
      await lead({ leadership, held }, until);
    } finally {
      this.#leading = false;
      held.dispose();
      await leadership.resign().catch((error: unknown) => {
        // Its key goes with its lease then.
        log.info('could not resign', { election, error: messageOf(error) });
      });
      log.info('leads no longer', { election, identity, term: String(leadership.term) });
    }
  }
}
