import type { Clock } from './clock';
import type { Disposable } from './disposable';

/**
 * A deadline on silence, for what may take as long as it likes as long as it goes on. The signal fires with `error`
 * when nothing has been heard for `limitMs`, or with the parent's reason. Dispose it when what it guards has ended.
 */
export class Silence implements Disposable {
  readonly #controller = new AbortController();
  readonly #onParent: () => void;
  #timer: Disposable;

  constructor(
    private readonly clock: Clock,
    private readonly limitMs: number,
    private readonly error: () => Error,
    private readonly parent?: AbortSignal,
  ) {
    this.#onParent = () => this.#controller.abort(parent?.reason);
    this.#timer = this.#begin();
    if (parent?.aborted) this.#onParent();
    parent?.addEventListener('abort', this.#onParent, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something was heard. */
  heard(): void {
    this.#timer.dispose();
    this.#timer = this.#begin();
  }

  /** What is waited for now is something else, until it is heard again. */
  pause(): void {
    this.#timer.dispose();
  }

  dispose(): void {
    this.#timer.dispose();
    this.parent?.removeEventListener('abort', this.#onParent);
  }

  #begin(): Disposable {
    return this.clock.after(this.limitMs, () => this.#controller.abort(this.error()));
  }
}
