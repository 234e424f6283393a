import { CancelledError } from '../base/errors';

/** The writing half of a grpc-js call. */
export interface Writable {
  write(message: unknown): boolean;
  end(): void;
  cancel(): void;
  once(event: 'drain' | 'status' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'status' | 'error', listener: () => void): unknown;
}

/** The reading half of a grpc-js call. */
export interface Readable extends AsyncIterable<unknown> {
  cancel(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

/** What comes, until the call ends, the signal aborts or the reader leaves; the last two cancel the call. */
export async function* readAll(
  call: Readable,
  signal: AbortSignal | undefined,
  explain: (error: unknown) => Error,
): AsyncGenerator<unknown> {
  // An error that comes after the last reader left would otherwise end the process.
  call.on('error', () => {});
  const onAbort = () => call.cancel();
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    yield* call;
  } catch (error) {
    throw explain(error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    call.cancel();
  }
  // A call that was cancelled and one that ended can look alike.
  if (signal?.aborted) throw new CancelledError('the call was cancelled', { cause: signal.reason });
}

/**
 * Writes all of the source, no faster than the peer takes it, and ends the call's sending half. Stops when the call
 * ends first. A source that fails cancels the call, and its error is thrown.
 */
export async function writeAll(call: Writable, source: AsyncIterable<unknown>): Promise<void> {
  let over = false;
  let wake = () => {};
  const iterator = source[Symbol.asyncIterator]();
  const onOver = () => {
    if (over) return;
    over = true;
    wake();
    // Whoever makes the requests has nobody to make them for any more.
    iterator.return?.()?.catch(() => {});
  };
  call.once('status', onOver);
  call.once('error', onOver);
  try {
    for (;;) {
      // Not only what comes next, which may take for ever, but also the call's end.
      const next = await new Promise<IteratorResult<unknown> | undefined>((resolve, reject) => {
        wake = () => resolve(undefined);
        if (over) return wake();
        iterator.next().then(resolve, reject);
      });
      if (over || !next) return;
      if (next.done) break;
      if (!call.write(next.value)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (over) return resolve();
          call.once('drain', resolve);
        });
        call.off('drain', wake);
      }
    }
    call.end();
  } catch (error) {
    call.cancel();
    throw error;
  }
}
