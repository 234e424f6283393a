import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import type { Identities } from './types';

/** How long it may take until the agent has told whose an address is: instances ask before that, when they begin. */
const patienceMs = 2_000;
/** Beyond it nobody waits: whoever is nobody's instance waits in vain, and is not to keep others from being heard. */
const most = { all: 256, ofOne: 16 } as const;

/** Lets those wait who ask from an address that nobody is known to have yet. */
export class Newcomers {
  readonly #waiting = new Map<string, number>();
  #all = 0;

  constructor(
    private readonly identities: Identities & { onInstances(listener: () => void): Disposable },
    private readonly clock: Clock,
  ) {}

  /** Resolves once it is known who has the address, or nobody is expected to have it any more. */
  async wait(address: string): Promise<void> {
    const { identities, clock } = this;
    const others = this.#waiting.get(address) ?? 0;
    if (identities.identify(address) || this.#all >= most.all || others >= most.ofOne) return;
    this.#count(address, 1);
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.dispose();
        listening.dispose();
        resolve();
      };
      const timer = clock.after(patienceMs, done);
      const listening = identities.onInstances(() => {
        if (identities.identify(address)) done();
      });
    });
    this.#count(address, -1);
  }

  #count(address: string, by: 1 | -1): void {
    this.#all += by;
    const count = (this.#waiting.get(address) ?? 0) + by;
    if (count > 0) this.#waiting.set(address, count);
    else this.#waiting.delete(address);
  }
}
