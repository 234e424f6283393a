/**
 * A way from one who puts in to one who takes out, in order. It holds few things: whoever puts in more waits until
 * some were taken.
 */
export class Passage<T> {
  readonly #held: T[] = [];
  readonly #capacity: number;
  #ended = false;
  #closed = false;
  #failure: Error | undefined;
  #waiting = new Set<() => void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Resolves once there is room and the thing is in: true, or false when nobody takes any more. */
  async put(thing: T): Promise<boolean> {
    while (!this.#shut && this.#held.length >= this.#capacity) await this.#change();
    if (this.#shut) return false;
    this.#held.push(thing);
    this.#wake();
    return true;
  }

  /** Nothing more is put in: whoever takes gets what is held, and then the end, or the failure. */
  end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake();
  }

  /** Nobody takes any more: what is held is dropped. */
  close(): void {
    this.#closed = true;
    this.#held.length = 0;
    this.#wake();
  }

  /** What is put in, until the end or until the signal aborts. For one reader. */
  async *take(signal: AbortSignal): AsyncGenerator<T> {
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted && !this.#closed) {
        if (this.#held.length > 0) {
          const thing = this.#held.shift() as T;
          this.#wake();
          yield thing;
        } else if (this.#ended) {
          if (this.#failure) throw this.#failure;
          return;
        } else await this.#change();
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.close();
    }
  }

  get #shut(): boolean {
    return this.#ended || this.#closed;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.size === 0) return;
    this.#waiting = new Set();
    for (const resolve of waiting) resolve();
  }
}
