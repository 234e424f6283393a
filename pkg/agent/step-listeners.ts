/** Lets others wait for the next step of an instance's worker. */
export class StepListeners {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** The instance's worker has taken a step. */
  notify(uid: string): void {
    for (const listener of this.#listeners.get(uid) ?? []) listener();
  }

  /** Resolves with the next step, or when the signal aborts. */
  next(uid: string, signal: AbortSignal): Promise<void> {
    const listeners = this.#listeners.get(uid) ?? new Set();
    this.#listeners.set(uid, listeners);
    return new Promise((resolve) => {
      const done = (): void => {
        listeners.delete(done);
        if (listeners.size === 0) this.#listeners.delete(uid);
        signal.removeEventListener('abort', done);
        resolve();
      };
      listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}
