import { type BackoffOptions, backoffMs } from '../base/backoff';
import { type Clock, sleep } from '../base/clock';
import { CancelledError } from '../base/errors';

export interface RunLoopOptions {
  readonly task: () => Promise<void>;
  /** Told of each failure, before the task is tried again. */
  readonly onFailure: (error: unknown, retryMs: number) => void;
  readonly clock: Clock;
  readonly backoff: BackoffOptions;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Runs a task whenever asked, never twice at once: whoever asks during a run shares the next one with all who did. */
export class RunLoop {
  readonly #options: RunLoopOptions;
  readonly #closed = new AbortController();
  #waiting: Waiter[] = [];
  #running: Promise<void> | undefined;

  constructor(options: RunLoopOptions) {
    this.#options = options;
  }

  /** Resolves when a run that began after the call has succeeded; rejects only when the loop is closed before. */
  request(): Promise<void> {
    if (this.#closed.signal.aborted) return Promise.reject(new CancelledError('closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    });
  }

  /** Resolves when no run is under way any more. */
  async close(): Promise<void> {
    this.#closed.abort(new CancelledError('closed'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { task, onFailure, clock, backoff } = this.#options;
    const { signal } = this.#closed;
    // What is asked for in one go is done in one go.
    await Promise.resolve();
    for (let attempt = 0; this.#waiting.length > 0 && !signal.aborted;) {
      const served = this.#waiting.splice(0);
      try {
        await task();
        attempt = 0;
        for (const { resolve } of served) resolve();
      } catch (error) {
        this.#waiting.unshift(...served);
        if (signal.aborted) break;
        const retryMs = backoffMs(backoff, attempt++);
        onFailure(error, retryMs);
        await sleep(clock, retryMs, signal).catch(() => {});
      }
    }
    for (const { reject } of this.#waiting.splice(0)) reject(new CancelledError('closed'));
  }
}
