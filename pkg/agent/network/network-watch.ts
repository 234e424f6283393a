import type { Clock } from '../../base/clock';
import { deadline, sleep } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { InstanceNetwork } from '../../registry/types';
import type { ServiceNetwork } from './service-network';

/** Between two looks: while it is up, and while it is not. */
const intervalMs = { up: 1_000, down: 250 } as const;
const answerLimitMs = 2_000;

export interface NetworkWatchOptions {
  readonly network: Pick<ServiceNetwork, 'environment'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The daemon answers, for the first time or after it was away: it may have forgotten what it was told. */
  readonly onUp: () => void;
}

/** Knows what the network daemon gives to instances, and notices when it was started again. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  #environment: InstanceNetwork | undefined;
  #state: 'new' | 'up' | 'down' = 'new';

  constructor(options: NetworkWatchOptions) {
    this.#options = options;
  }

  /** As last heard; undefined until the daemon has answered once. */
  get environment(): InstanceNetwork | undefined {
    return this.#environment;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const up = await this.#look(signal);
      await sleep(clock, up ? intervalMs.up : intervalMs.down, signal).catch(() => {});
    }
  }

  async #look(signal: AbortSignal): Promise<boolean> {
    const { network, clock, log, onUp } = this.#options;
    const limit = deadline(clock, answerLimitMs, signal);
    try {
      const found = await network.environment(limit.signal);
      const anew = this.#state !== 'up' || found.epoch !== this.#environment?.epoch;
      if (this.#state === 'down') log.info('the network daemon answers again');
      this.#environment = found;
      this.#state = 'up';
      if (anew) onUp();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      // At its start the executor may well be faster.
      if (this.#state === 'up') log.warn('the network daemon does not answer', { error: messageOf(error) });
      if (this.#state !== 'new') this.#state = 'down';
      return false;
    } finally {
      limit.dispose();
    }
  }
}
