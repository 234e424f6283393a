import { NotFoundError, UnavailableError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { Slots } from '../builder/slots';
import { ClosedDoors } from './closed-doors';
import { EngineDoor } from './engine-door';
import type { ImageEngine } from './image-engine';
import { imageTag, keptName, shortImage } from './image-name';
import type { ImageRegistry } from './image-registry';
import { mayWrite } from './registry-path';
import type { StageRepository } from './stage-repository';

export interface PublisherOptions {
  /** Where images are built and taken in. */
  readonly engine: ImageEngine;
  readonly registry: ImageRegistry;
  readonly repository: StageRepository;
  readonly random: Random;
  readonly log: Logger;
}

/** Pushes compress, which takes a core each. */
const maxPushes = 2;

/** Brings images of this machine's engine to the stage's registry. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #slots = new Slots(maxPushes);
  readonly #closed: ClosedDoors;
  readonly #pushes = new Map<string, Promise<void>>();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#closed = new ClosedDoors(options);
  }

  /**
   * Resolves when the registry has the image. However many ask for it, it is brought there once; and to the end when
   * they are all gone, as somebody will ask again. Throws NotFoundError when the engine does not have it either,
   * UnavailableError when it is to be tried again.
   */
  async publish(image: string, signal: AbortSignal): Promise<void> {
    const { repository, engine } = this.#options;
    imageTag(image);
    signal.throwIfAborted();
    if (!this.#pushes.has(image)) {
      if (await repository.has(image, signal)) return;
      if ((await engine.idOf(image, signal)) !== image) {
        throw new NotFoundError(
          `image ${shortImage(image)} is neither in the stage's image registry nor in the control plane's engine: deploy again, or release one that is there`,
        );
      }
    }
    const push = this.#pushes.get(image) ?? this.#begin(image);
    await untilAborted(push, signal);
  }

  #begin(image: string): Promise<void> {
    const push = this.#push(image, new AbortController().signal).finally(() => this.#pushes.delete(image));
    this.#pushes.set(image, push);
    // Whoever waits is told; nobody may wait any more.
    push.catch(() => {});
    return push;
  }

  async #push(image: string, signal: AbortSignal): Promise<void> {
    const { engine, registry, repository, random, log } = this.#options;
    const release = await this.#slots.take(signal);
    try {
      await this.#closed.forget(repository.name, signal);
      const door = await EngineDoor.open({
        ...{ registry, random },
        allows: (method, path) => mayWrite(repository.name, method, path),
      });
      const name = { repository: `${door.host}/${repository.name}`, tag: imageTag(image) };
      try {
        // It would go with the name that is taken from it below.
        if (!(await engine.isNamed(image, signal))) {
          await engine.tag(image, keptName(repository.name, 'published', image), signal);
        }
        await engine.tag(image, name, signal);
        await engine.push(name, door.credentials, signal);
        log.info('image published', { image });
      } catch (error) {
        const why = messageOf(door.failure ?? error);
        log.warn('an image could not be published', { image, error: why });
        throw new UnavailableError(
          `image ${shortImage(image)} cannot be brought to the stage's image registry: ${why}`,
          {
            cause: error,
          },
        );
      } finally {
        door.close();
        await engine.untag(name, signal).catch(() => {});
      }
    } finally {
      release();
    }
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
