import type { Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { VirtualIpStatus } from '../registry/status';
import type { OpenConnections } from './connections';
import type { Services } from './ruleset';
import type { Translator } from './translator';

export interface TranslationOptions {
  readonly translator: Pick<
    Translator,
    'isThere' | 'begin' | 'isAttached' | 'bringInStep' | 'off' | 'open' | 'made'
  >;
  readonly clock: Clock;
  readonly log: Logger;
  /** After a failure, how long until it is begun anew. Default 5 s. */
  readonly retryMs?: number;
}

/**
 * `absent`: cannot be here, and nothing is translated. `on`: in step. `off`: has failed, and translates nothing until it
 * is begun again. `unknown`: has failed, and may be translating what is not true any more.
 */
type State = 'absent' | 'on' | 'off' | 'unknown';

/**
 * Translation at connect, beside the rules of nftables, which serve whatever it does not. It is in step or it is off;
 * while it can be neither, nothing is acknowledged.
 */
export class Translation {
  readonly #options: TranslationOptions;
  #state: State = 'absent';
  #sinceMs = 0;
  #complained = false;
  /** Why it is not on. */
  #reason = 'it is not set up yet';

  constructor(options: TranslationOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#state === 'on';
  }

  /** Which way it is now: while it has failed, the rules serve. */
  get status(): VirtualIpStatus {
    return this.isOn
      ? { translation: 'connect', reason: '' }
      : { translation: 'nftables', reason: this.#reason };
  }

  /** Takes over what there is, or begins. Says why where that cannot be, and never rejects. */
  async start(): Promise<void> {
    const { translator, log } = this.#options;
    try {
      await translator.begin();
      this.#become('on');
      log.info('connections to virtual IPs are translated where they are made');
    } catch (error) {
      this.#reason = messageOf(error);
      this.#become(translator.isThere ? 'unknown' : 'absent');
      log.info('connections to virtual IPs are translated by nftables alone', { reason: this.#reason });
    }
  }

  /** Follows a change of services; all of them are told where there is no state of before. Rejects while it is `unknown`. */
  async bringInStep(before: Services | undefined, after: Services): Promise<void> {
    const { translator, clock, log, retryMs = 5_000 } = this.#options;
    if (this.#state === 'unknown') await this.#turnOff();
    if (this.#state === 'off' && clock.monotonic() >= this.#sinceMs + retryMs) {
      await this.#orTurnOff(async () => {
        await translator.begin();
        await translator.bringInStep(undefined, after);
        this.#become('on');
        this.#complained = false;
        log.info('connections to virtual IPs are translated where they are made, again');
      });
    } else if (this.#state === 'on') {
      await this.#orTurnOff(() => translator.bringInStep(before, after));
    }
  }

  /** Looks whether others have taken it away. */
  async check(): Promise<void> {
    if (this.#state !== 'on') return;
    const attached = await this.#options.translator.isAttached().catch(() => true);
    if (attached) return;
    this.#reason = 'it was taken away by others, and is begun again';
    this.#options.log.warn('the translation of virtual IPs was taken away by others: it is begun again');
    this.#become('off', -Infinity);
  }

  /** Connections that it has translated, and that are under way. */
  async open(): Promise<readonly OpenConnections[]> {
    return this.#state === 'absent' ? [] : this.#options.translator.open();
  }

  /** How many it has translated by virtual address, since there are counts. */
  async made(): Promise<ReadonlyMap<string, number>> {
    return this.#state === 'absent' ? new Map<string, number>() : this.#options.translator.made();
  }

  async #orTurnOff(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#reason = messageOf(error);
      if (!this.#complained) {
        this.#options.log.warn('virtual IPs are translated by nftables alone for now', {
          error: this.#reason,
        });
      }
      this.#complained = true;
      this.#become('unknown');
      await this.#turnOff();
    }
  }

  async #turnOff(): Promise<void> {
    await this.#options.translator.off();
    this.#become('off');
  }

  #become(state: State, sinceMs = this.#options.clock.monotonic()): void {
    this.#state = state;
    this.#sinceMs = sinceMs;
  }
}
