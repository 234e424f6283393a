import type { Clock } from '../../../pkg/base/clock';
import { type Disposable, toDisposable } from '../../../pkg/base/disposable';

/** Calls back again and again, until disposed. */
export function every(clock: Clock, intervalMs: number, callback: () => void): Disposable {
  const next = (): Disposable =>
    clock.after(intervalMs, () => {
      timer = next();
      callback();
    });
  let timer = next();
  return toDisposable(() => timer.dispose());
}
