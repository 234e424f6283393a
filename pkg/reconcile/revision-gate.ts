import { CancelledError } from '../base/errors';

interface Waiter {
  readonly revision: bigint;
  readonly open: () => void;
}

/** A revision that only goes up, and a way to wait for it. -1 before the first. */
export class RevisionGate {
  #revision = -1n;
  readonly #waiters = new Set<Waiter>();

  get revision(): bigint {
    return this.#revision;
  }

  /** Lets through whoever waits for this revision or an earlier one. Never goes back. */
  advance(revision: bigint): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.open();
  }

  reached(revision: bigint, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const waiter: Waiter = { revision, open: end(resolve) };
      const onAbort = end(() =>
        reject(
          new CancelledError(`no longer waiting for revision ${revision}`, {
            cause: signal?.reason as unknown,
          }),
        ),
      );
      if (signal?.aborted) return onAbort();
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
