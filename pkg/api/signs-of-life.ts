import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';

/**
 * What the source says, and a sign of life whenever it has said nothing for so long: whoever waits can then have a
 * deadline on silence, which tells a peer that is gone from one that takes long.
 */
export async function* withSignsOfLife<T>(
  source: AsyncIterable<T>,
  sign: T,
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const lull = new Lull(clock, everyMs);
  try {
    for (;;) {
      const next = iterator.next();
      // It may fail while a sign is on its way.
      next.catch(() => {});
      for (;;) {
        const came = await lull.within(next);
        if (came === undefined) {
          yield sign;
          continue;
        }
        if (came.done) return;
        yield came.value;
        break;
      }
    }
  } finally {
    lull.dispose();
    // Not waited for: it may be at something that takes long.
    iterator.return?.()?.catch(() => {});
  }
}

/** Tells that nothing has come for a while: by one timer, however much comes, as that may be thousands a second. */
class Lull implements Disposable {
  #timer: Disposable;
  #sinceMs: number;
  #wake: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly everyMs: number,
  ) {
    this.#sinceMs = clock.monotonic();
    this.#timer = this.#begin(everyMs);
  }

  /** Undefined when the work has not come by then. */
  async within<T>(work: Promise<T>): Promise<T | undefined> {
    this.#sinceMs = this.clock.monotonic();
    return new Promise<T | undefined>((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      work.then(resolve, reject);
    });
  }

  dispose(): void {
    this.#timer.dispose();
    this.#wake = undefined;
  }

  #begin(delayMs: number): Disposable {
    return this.clock.after(delayMs, () => {
      const leftMs = this.#sinceMs + this.everyMs - this.clock.monotonic();
      this.#timer = this.#begin(leftMs > 0 ? leftMs : this.everyMs);
      if (leftMs <= 0) this.#wake?.();
    });
  }
}
