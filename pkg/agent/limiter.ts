/** Lets at most so many things go on at once; the rest wait, first come, first served, the urgent before all others. */
export class Limiter {
  #free: number;
  readonly #urgent: (() => void)[] = [];
  readonly #ordinary: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(work: () => Promise<T>, options: { readonly urgent?: boolean } = {}): Promise<T> {
    if (this.#free > 0) this.#free--;
    else {
      // Whoever ends hands its place over, so that `#free` stays at none.
      await new Promise<void>((resolve) => (options.urgent ? this.#urgent : this.#ordinary).push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#urgent.shift() ?? this.#ordinary.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
