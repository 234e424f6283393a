import type { Network } from './network';
import type { SimProcess } from './sim-process';

type Item = { readonly bytes: Uint8Array } | { readonly end: true; readonly error?: Error };

/**
 * One direction of a stream: messages arrive late, in their order, and twice if the weather is such. While the network
 * is cut they are held up; they are lost when the stream is given up before it is open again.
 */
export class Pipe {
  readonly #network: Network;
  readonly #from: SimProcess;
  readonly #to: SimProcess;
  readonly #underWay: Item[] = [];
  readonly #arrived: Item[] = [];
  #heldUp: Item[] = [];
  #lastMs = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake = () => {};

  constructor(network: Network, from: SimProcess, to: SimProcess) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  /** @param once it is not repeated, whatever the weather */
  send(bytes: Uint8Array, once = false): void {
    this.#put({ bytes });
    const { random, weather } = this.#network;
    if (!once && random.next() < weather.repeatRate) this.#put({ bytes });
  }

  end(error?: Error): void {
    this.#put({ end: true, ...(error && { error }) });
    this.#ended = true;
  }

  /** Whoever reads is told now; what is under way is lost. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#ended = true;
    this.#heldUp = [];
    this.#wake();
  }

  resume(): void {
    const items = this.#heldUp;
    this.#heldUp = [];
    for (const item of items) this.#arrive(item);
  }

  /** The next message; undefined at the end. For one reader. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const item = this.#arrived.shift();
      if (item && 'bytes' in item) return item.bytes;
      if (item?.error) throw item.error;
      if (item) return undefined;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #put(item: Item): void {
    if (this.#ended) return;
    const { time } = this.#network;
    const dueMs = Math.max(this.#lastMs, time.monotonic() + this.#network.delayMs());
    this.#lastMs = dueMs;
    this.#underWay.push(item);
    // Whichever timer is first brings the oldest: nothing overtakes.
    time.after(dueMs - time.monotonic(), () => this.#arrive(this.#underWay.shift() as Item));
  }

  #arrive(item: Item): void {
    if (this.#failure) return;
    if (this.#heldUp.length > 0 || !this.#network.reaches(this.#from.host, this.#to.host)) {
      this.#heldUp.push(item);
      return;
    }
    this.#to.clock.after(0, () => {
      this.#arrived.push(item);
      this.#wake();
    });
  }
}
