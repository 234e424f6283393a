import { sleep, type Clock } from '../base/clock';

/**
 * What the source says, and a sign of life whenever it has said nothing for so long: whoever waits can then have a deadline on silence,
 * which tells a peer that is gone from one that takes long.
 */
export async function* withSignsOfLife<T>(
  source: AsyncIterable<T>,
  sign: T,
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      // It may fail while a sign is on its way.
      next.catch(() => {});
      for (;;) {
        const came = await within(next, clock, everyMs);
        if (came === undefined) yield sign;
        else if (came.done) return;
        else {
          yield came.value;
          break;
        }
      }
    }
  } finally {
    // Not waited for: it may be at something that takes long.
    iterator.return?.()?.catch(() => {});
  }
}

/** Undefined when it has not come by then. */
async function within<T>(work: Promise<T>, clock: Clock, ms: number): Promise<T | undefined> {
  const over = new AbortController();
  const late = sleep(clock, ms, over.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort(new Error('it came'));
  }
}
