import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { CancelledError, PreconditionError } from '../base/errors';

/** All that ends a build before it is done: its caller, the time it may take, a registry that is silent, or nobody who reads. */
export class BuildEnd implements Disposable {
  /** Fires when the engine is to stop. */
  readonly signal: AbortSignal;
  readonly #limit: ReturnType<typeof deadline>;
  // A consumer that goes away ends the generator it reads from: then the engine has to be told as well.
  readonly #gone = new AbortController();
  #silence: string | undefined;

  constructor(
    clock: Clock,
    private readonly timeoutMs: number,
    private readonly caller: AbortSignal,
  ) {
    this.#limit = deadline(clock, timeoutMs, caller);
    this.signal = AbortSignal.any([this.#limit.signal, this.#gone.signal]);
  }

  /** Ends it for the registry's silence. */
  silent(why: string): void {
    this.#silence ??= why;
    this.#gone.abort();
  }

  /** What the build's own error comes from, at a step; undefined where nothing has ended it. */
  reason(where: string, cause: unknown): Error | undefined {
    if (this.caller.aborted) return new CancelledError('the build was cancelled', { cause });
    if (this.#silence !== undefined) return new PreconditionError(`${where} failed: ${this.#silence}`);
    if (!this.#limit.signal.aborted) return undefined;
    const seconds = Math.round(this.timeoutMs / 1000);
    return new PreconditionError(`${where} has not ended within ${seconds} s: the build was stopped`, {
      cause,
    });
  }

  dispose(): void {
    this.#gone.abort();
    this.#limit.dispose();
  }
}
