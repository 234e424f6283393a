import type { Clock } from '../../base/clock';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import { formatKey } from '../../registry/entry-key';
import type { Announcement, EntryKey } from '../../registry/types';
import type { DrainOutcome } from './drain';
import { drain } from './drain';
import type { ServiceNetwork } from './service-network';
import { Told } from './told';

/** The registry forgets what an agent announces after 120 s. */
const renewMs = 10_000;

export interface AnnouncerOptions {
  readonly network: Pick<ServiceNetwork, 'announce' | 'withdraw'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Held {
  /** The instance that has the name. */
  readonly uid: string;
  readonly key: EntryKey;
  /** Null: withdrawn. */
  body: Announcement | null;
  readonly told: Told<Announcement | null>;
  readonly ended: AbortController;
}

/**
 * Keeps what is announced in step with what is to be. Whoever has a name announced last has it: what others say of it
 * later, who had it before, does not count.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #held = new Map<string, Held>();
  readonly #running = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** It is announced, and renewed, until it is said otherwise. */
  announce(uid: string, key: EntryKey, body: Announcement): void {
    const before = this.#held.get(formatKey(key));
    if (before && before.uid !== uid) this.#end(before);
    this.#set(this.#of(uid, key, body), body);
  }

  /** It is withdrawn, and nobody waits for that. */
  withdraw(uid: string, key: EntryKey): void {
    const held = this.#of(uid, key);
    if (held.uid === uid) this.#set(held, null);
  }

  /** It is withdrawn; resolves once nothing is sent there any more, or the time is over. */
  async drain(uid: string, key: EntryKey, waitMs: number, signal: AbortSignal): Promise<DrainOutcome> {
    const held = this.#of(uid, key);
    if (held.uid !== uid) return { kind: 'answered', missing: [] };
    held.body = null;
    // An announcement that is under way must not arrive after the withdrawal.
    await held.told.hold();
    let known: { value: null } | undefined;
    try {
      const outcome = await drain(this.#options.network, key, waitMs, this.#options, signal);
      if (outcome.kind === 'answered') known = { value: null };
      return outcome;
    } finally {
      held.told.release(known);
    }
  }

  /** The registry may have forgotten. */
  again(): void {
    for (const { told } of this.#held.values()) told.again();
  }

  /** Works until the signal aborts; then leaves what is announced as it is. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const held of this.#held.values()) this.#begin(held, signal);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for (const held of this.#held.values()) this.#end(held);
    await Promise.all(this.#running);
  }

  /**
   * Whoever has the name now; else the instance itself, and `body` is the first that is told of it: an announcement that
   * began with a withdrawal would take what a restarted agent finds announced out of service for a moment.
   */
  #of(uid: string, key: EntryKey, body: Announcement | null = null): Held {
    const known = this.#held.get(formatKey(key));
    if (known) return known;
    const told: Told<Announcement | null> = new Told<Announcement | null>({
      ...this.#options,
      value: () => held.body,
      tell: async (body, signal) => {
        if (body) await this.#options.network.announce(key, body, signal);
        else await this.#options.network.withdraw(key, 0, signal);
      },
      renewMs: (body) => (body ? renewMs : undefined),
      // What is known to be withdrawn need not be remembered.
      onTold: () => {
        if (held.body === null) this.#end(held);
      },
    });
    const held: Held = { uid, key, body, told, ended: new AbortController() };
    this.#held.set(formatKey(key), held);
    if (this.#signal) this.#begin(held, this.#signal);
    return held;
  }

  #set(held: Held, body: Announcement | null): void {
    held.body = body;
    held.told.touch();
  }

  #begin({ told, ended }: Held, signal: AbortSignal): void {
    const running = told.run(AbortSignal.any([signal, ended.signal]));
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  #end(held: Held): void {
    if (this.#held.get(formatKey(held.key)) === held) this.#held.delete(formatKey(held.key));
    held.ended.abort(new Error('it is told no more'));
  }
}
