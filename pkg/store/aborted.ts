import { CancelledError, GilliamError } from '../base/errors';

/** Why the signal was aborted, as an error to throw. */
export function abortError(signal: AbortSignal): GilliamError {
  const reason: unknown = signal.reason;
  return reason instanceof GilliamError
    ? reason
    : new CancelledError('the call was cancelled', { cause: reason });
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The promise, or a rejection as soon as the signal aborts: what the promise stands for is not stopped by that. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  if (signal.aborted) promise.catch(() => {});
  throwIfAborted(signal);
  let onAbort: (() => void) | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        onAbort = () => reject(abortError(signal));
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    ]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
