import type { Changes, EntryKey, Follower } from './types';

interface Missed {
  readonly changes: Changes;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Has the place of a follower of this process that is being started again: what it drives, such as rules of the kernel,
 * goes on meanwhile. What it misses it is told when it is there, and confirms then.
 */
export class StandIn implements Follower {
  #follower?: Follower;
  #missed: Missed[] = [];

  constructor(readonly name: string) {}

  get taken(): boolean {
    return this.#follower !== undefined;
  }

  apply(changes: Changes): Promise<void> {
    if (this.#follower) return this.#follower.apply(changes);
    return new Promise((resolve, reject) => this.#missed.push({ changes, resolve, reject }));
  }

  /** Asked only after what was told first is confirmed: by the follower itself. */
  async forgotten(key: EntryKey): Promise<void> {
    await this.#follower?.forgotten?.(key);
  }

  /** The follower itself is there. */
  take(follower: Follower): void {
    this.#follower = follower;
    const missed = this.#missed;
    this.#missed = [];
    for (const { changes, resolve, reject } of missed) follower.apply(changes).then(resolve, reject);
  }
}
