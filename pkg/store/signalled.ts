/** Something that happens again and again, and can be waited for. */
export class Signalled {
  readonly #waiting = new Set<() => void>();

  signal(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  /** Resolves at the next time, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return done();
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
