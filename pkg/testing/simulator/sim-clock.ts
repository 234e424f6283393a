import type { Disposable } from '../../base/disposable';
import { VirtualClock } from '../virtual-clock';

/** Virtual time that calls back whenever everything has come to rest: after each timer, and all that follows from it. */
export class SimClock extends VirtualClock {
  onRest: () => void = () => {};

  /**
   * In whole ticks, of which a millisecond has 1,024: sums of them are exact. With other fractions a deadline would be
   * missed by 1e-13 ms, be set again for as much, and time would never come to it.
   */
  override after(delayMs: number, callback: () => void): Disposable {
    return super.after(Math.ceil(delayMs * 1024) / 1024, callback);
  }

  override async settle(): Promise<void> {
    await super.settle();
    this.onRest();
  }
}
