import { setMaxListeners } from 'node:events';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import { DisposableStore } from '../base/disposable';
import { ConflictError, ExistsError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { FencedError } from '../store/errors';
import type { Reconciler } from './reconciler';
import type { Source } from './source';
import { allOrNone } from './together';
import { WorkQueue } from './work-queue';

export interface ControllerOptions {
  /** For logs and metrics: `formation`. */
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly sources: readonly Source[];
  /** How many keys are worked on at once. Default 1. */
  readonly workers?: number;
  /** How long one reconcile may take. Default 30 s. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How reconciles ended, since the controller was made. */
export interface ControllerCounters {
  done: number;
  requeued: number;
  /** Decided on something old. */
  conflicted: number;
  failed: number;
}

/** The loop around a reconciler: its queue, its workers, and what becomes of their outcomes. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #counters: ControllerCounters = { done: 0, requeued: 0, conflicted: 0, failed: 0 };

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#log = options.log.child({ controller: options.name });
  }

  get name(): string {
    return this.#options.name;
  }

  get counters(): Readonly<ControllerCounters> {
    return this.#counters;
  }

  /** Works until the signal aborts; throws FencedError when a write was refused to a deposed leader. */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, workers = 1, clock, random } = this.#options;
    const held = new DisposableStore();
    const queue = held.add(new WorkQueue({ clock, random }));
    try {
      for (const source of sources) held.add(source((key) => queue.add(key)));
      const work = (inner: AbortSignal) => this.#work(queue, inner);
      await allOrNone(
        Array.from({ length: workers }, () => work),
        signal,
      );
    } finally {
      held.dispose();
    }
  }

  async #work(queue: WorkQueue, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    signal.addEventListener('abort', () => queue.dispose(), { once: true });
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      const result = await this.#reconcile(key, signal);
      if (signal.aborted) return;
      this.#settle(queue, key, result);
      queue.done(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { clock, reconciler, timeoutMs = 30_000 } = this.#options;
    const limit = deadline(clock, timeoutMs, signal);
    // One listener for each of its store calls at a time, which may be many.
    setMaxListeners(0, limit.signal);
    try {
      const { requeueAfterMs } = await reconciler.reconcile(key, limit.signal);
      return requeueAfterMs === undefined ? { is: 'done' } : { is: 'requeued', afterMs: requeueAfterMs };
    } catch (error) {
      if (error instanceof FencedError) return { is: 'fenced', error };
      if (error instanceof ConflictError || error instanceof ExistsError) return { is: 'conflicted' };
      return { is: 'failed', error };
    } finally {
      limit.dispose();
    }
  }

  /** The one place that says what follows from how a reconcile ended. */
  #settle(queue: WorkQueue, key: string, result: Result): void {
    switch (result.is) {
      case 'done':
        this.#counters.done++;
        queue.forgive(key);
        return;
      case 'requeued':
        this.#counters.requeued++;
        queue.forgive(key);
        queue.addAfter(key, result.afterMs);
        return;
      case 'conflicted':
        this.#counters.conflicted++;
        queue.addFailed(key);
        return;
      case 'failed': {
        this.#counters.failed++;
        const retryAfterMs = Math.round(queue.addFailed(key));
        this.#log.warn('reconcile failed', { key, error: messageOf(result.error), retryAfterMs });
        return;
      }
      case 'fenced':
        throw result.error;
    }
  }
}

type Result =
  | { readonly is: 'done' }
  | { readonly is: 'requeued'; readonly afterMs: number }
  | { readonly is: 'conflicted' }
  | { readonly is: 'failed'; readonly error: unknown }
  | { readonly is: 'fenced'; readonly error: FencedError };
