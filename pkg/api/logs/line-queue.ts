import type { LogBatch } from '../../resource/log-chunk';
import { Pulse } from '../pulse';

// Batches, each of one message of an executor: what many instances may have ready for one slow reader.
const maxBatches = 16;

/** Where the lines of many instances meet. It holds little: whoever brings more waits, and with it its executor. */
export class LineQueue {
  readonly #batches: LogBatch[] = [];
  readonly #more = new Pulse();
  readonly #room = new Pulse();
  #closed = false;

  /** Resolves once the lines are taken in: true, or false when nobody reads any more. */
  async push(batch: LogBatch): Promise<boolean> {
    while (!this.#closed && this.#batches.length >= maxBatches) await this.#room.next();
    if (this.#closed) return false;
    if (batch.lines.length > 0 || batch.chunk) this.#batches.push(batch);
    this.#more.beat();
    return true;
  }

  /** Nobody reads any more, or nobody writes. */
  close(): void {
    this.#closed = true;
    this.#room.beat();
    this.#more.beat();
  }

  /** What is pushed, until it is closed and empty, or the signal aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<LogBatch> {
    while (!signal.aborted) {
      const batch = this.#batches.shift();
      if (batch) {
        this.#room.beat();
        yield batch;
      } else if (this.#closed) {
        return;
      } else {
        await this.#more.next(signal);
      }
    }
  }
}
