import { isImageId } from '../images/image-name';
import { isPullable } from './container-spec';
import type { Driver } from './driver';
import { Limiter } from './limiter';

/** Where images are had from that the stage has made. Throws as `Driver.pull`. */
export interface StageFetcher {
  fetch(image: string, signal: AbortSignal): Promise<void>;
}

interface Pull {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  waiting: number;
}

/** Pulls each image once, however many instances wait for it; ends a pull that nobody waits for any more. */
export class ImagePuller {
  readonly #driver: Driver;
  readonly #stage: StageFetcher | undefined;
  readonly #limiter = new Limiter(2);
  readonly #pulls = new Map<string, Pull>();

  constructor(driver: Driver, stage?: StageFetcher) {
    this.#driver = driver;
    this.#stage = stage;
  }

  /** Whether there is somewhere to have it from, where the engine does not have it. */
  canPull(image: string): boolean {
    return isPullable(image) || (this.#stage !== undefined && isImageId(image));
  }

  async pull(image: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const pull = this.#pulls.get(image) ?? this.#begin(image);
    pull.waiting++;
    try {
      await raceAbort(pull.done, signal);
    } finally {
      if (--pull.waiting === 0) {
        pull.abort.abort(new Error('nobody waits for the image any more'));
        if (this.#pulls.get(image) === pull) this.#pulls.delete(image);
      }
    }
  }

  #begin(image: string): Pull {
    const abort = new AbortController();
    const done = this.#limiter.run(async () => {
      abort.signal.throwIfAborted();
      if (this.#stage && isImageId(image)) await this.#stage.fetch(image, abort.signal);
      else await this.#driver.pull(image, abort.signal);
    });
    const pull = { done, abort, waiting: 0 };
    this.#pulls.set(image, pull);
    const end = () => {
      if (this.#pulls.get(image) === pull) this.#pulls.delete(image);
    };
    done.then(end, end);
    return pull;
  }
}

function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
