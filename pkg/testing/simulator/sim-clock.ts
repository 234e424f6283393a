import { VirtualClock } from '../virtual-clock';

/** Virtual time that calls back whenever everything has come to rest: after each timer, and all that follows from it. */
export class SimClock extends VirtualClock {
  onRest: () => void = () => {};

  override async settle(): Promise<void> {
    await super.settle();
    this.onRest();
  }
}
