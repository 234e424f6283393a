import type { Announcement } from '../registry/types';
import type { Identity } from './labels';
import { keyOf } from './network/announcement';
import type { Announcer } from './network/announcer';
import type { DrainOutcome } from './network/drain';

/** Whether one instance is announced to those who send requests. */
export class Exposure {
  readonly #announcer: Announcer;
  readonly #uid: string;
  /** Whether it is, or may be: what was announced before the agent began still is. */
  #exposed: boolean;
  /** Whether it has ever been: others may hold connections to it. */
  #ever: boolean;

  constructor(announcer: Announcer, uid: string, options: { readonly perhaps: boolean }) {
    this.#announcer = announcer;
    this.#uid = uid;
    this.#exposed = this.#ever = options.perhaps;
  }

  /** It is ready. */
  show(identity: Identity, body: Announcement): void {
    this.#exposed = this.#ever = true;
    this.#announcer.announce(this.#uid, keyOf(identity), body);
  }

  /** It is not ready any more, and nobody waits for the news to arrive. */
  hide(identity: Identity): void {
    if (!this.#exposed) return;
    this.#exposed = false;
    this.#announcer.withdraw(this.#uid, keyOf(identity));
  }

  /** Resolves once nobody sends requests to it any more. */
  async drain(identity: Identity, waitMs: number, signal: AbortSignal): Promise<DrainOutcome> {
    if (!this.#ever) return { kind: 'answered', missing: [] };
    this.#exposed = true;
    const outcome = await this.#announcer.drain(this.#uid, keyOf(identity), waitMs, signal);
    this.#exposed = false;
    return outcome;
  }
}
