import { toDisposable, type Disposable } from '../base/disposable';
import { ExhaustedError } from '../base/errors';

/** How many of something may be under way at a time. */
export class StreamLimit {
  #taken = 0;

  constructor(
    private readonly most: number,
    /** For the message: `watches and log streams`. */
    private readonly what: string,
  ) {}

  /** Throws ExhaustedError when all places are taken. Dispose what comes back when done. */
  take(): Disposable {
    if (this.#taken >= this.most) {
      throw new ExhaustedError(
        `${this.most} ${this.what} are under way, and no more may be: try again later`,
      );
    }
    this.#taken++;
    return toDisposable(() => this.#taken--);
  }
}
