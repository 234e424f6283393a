import type { Disposable } from './disposable';
import { toDisposable } from './disposable';

/** The only source of time. Passed in wherever time is needed, so that tests and the simulator control it. */
export interface Clock {
  /** Wall time in milliseconds since 1970, for what is shown and stored. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start, for durations and deadlines. Never goes back. */
  monotonic(): number;
  /** Calls back once, after `delayMs`, unless disposed before. */
  after(delayMs: number, callback: () => void): Disposable;
}

export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): Disposable {
    const timer = setTimeout(callback, delayMs);
    return toDisposable(() => clearTimeout(timer));
  }
}

/** Resolves after `delayMs`; rejects with the signal's reason when aborted before. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal));
    const onAbort = () => {
      timer.dispose();
      reject(abortReason(signal as AbortSignal));
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}

/** An AbortSignal that fires after `delayMs`, or when `parent` does. Dispose it when what it guards has ended. */
export function deadline(
  clock: Clock,
  delayMs: number,
  parent?: AbortSignal,
): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onParent = () => controller.abort(parent?.reason);
  const timer = clock.after(delayMs, () => controller.abort(new Error(`no answer within ${delayMs} ms`)));
  if (parent?.aborted) onParent();
  parent?.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    ...toDisposable(() => {
      timer.dispose();
      parent?.removeEventListener('abort', onParent);
    }),
  };
}
