import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';

/** Lets a loop sleep until there is something to look at. Being woken while awake is remembered, once. */
export class Waker {
  #woken = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  /** Resolves when woken, after `delayMs` where given, or when the signal aborts. */
  async wait(clock: Clock, delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      let timer: Disposable | undefined;
      const wake = () => this.#resolve?.();
      signal.addEventListener('abort', wake, { once: true });
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        if (delayMs !== undefined) timer = clock.after(delayMs, resolve);
      });
      this.#resolve = undefined;
      timer?.dispose();
      signal.removeEventListener('abort', wake);
    }
    this.#woken = false;
  }
}
