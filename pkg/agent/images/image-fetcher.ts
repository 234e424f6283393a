import { status } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock';
import { messageOf, NotFoundError, PreconditionError, UnavailableError } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import { ClosedDoors } from '../../images/closed-doors';
import { EngineDoor } from '../../images/engine-door';
import type { ImageEngine, ImageName } from '../../images/image-engine';
import { isImageRepository, keptName, shortImage } from '../../images/image-name';
import type { ImageRegistry } from '../../images/image-registry';
import { mayRead } from '../../images/registry-path';
import { DriverError, ImageMissing, PullFailed } from '../driver-errors';
import { ApiRegistry, untilSilent } from './api-registry';
import type { ConnectImages, ImageSource } from './image-source';

export interface ImageFetcherOptions {
  readonly engine: ImageEngine;
  readonly connect: ConnectImages;
  /** The stage's image registry where this machine reaches it; absent: it is read by the API. */
  readonly registry?: ImageRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Brings images of the stage to this machine's engine, by the control plane. */
export class ImageFetcher {
  readonly #closed: ClosedDoors;

  constructor(private readonly options: ImageFetcherOptions) {
    this.#closed = new ClosedDoors(options);
  }

  /** Throws ImageMissing when the stage does not have the image, PullFailed when it is to be tried again. */
  async fetch(image: string, signal: AbortSignal): Promise<void> {
    const source = this.options.connect();
    try {
      const { repository, tag } = await this.#prepare(source, image, signal);
      await this.#pull(source, { repository, tag, image }, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw explained(error, image);
    } finally {
      source.close();
    }
  }

  /** Where it can be read. */
  async #prepare(source: ImageSource, image: string, signal: AbortSignal): Promise<ImageName> {
    let last: ImageName = { repository: '', tag: '' };
    for await (const message of untilSilent(
      (until) => source.prepare({ image }, until),
      this.options.clock,
      signal,
    )) {
      last = message;
    }
    // What is said is put into names and paths.
    const { repository, tag } = last;
    if (isImageRepository(repository) && /^[0-9a-f]{12,64}$/.test(tag)) return last;
    throw new UnavailableError('the control plane does not say where it is');
  }

  async #pull(
    source: ImageSource,
    { repository, tag, image }: ImageName & { readonly image: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { engine, clock, random, log, registry = new ApiRegistry(source, clock) } = this.options;
    await this.#closed.forget(repository, signal);
    const door = await EngineDoor.open({
      registry,
      allows: (method, path) => mayRead(repository, method, path),
      random,
    });
    const name = { repository: `${door.host}/${repository}`, tag };
    try {
      await engine.pull(name, door.credentials, signal);
      const found = await engine.idOf(`${name.repository}:${tag}`, signal);
      if (found !== image) {
        throw new PullFailed(
          `the stage's image registry has another image (${shortImage(found ?? 'none')}) in the place of ${shortImage(image)}, which is not used`,
        );
      }
      await engine.tag(image, keptName(repository, 'fetched', image), signal);
      log.info('image fetched', { image });
    } catch (error) {
      // The engine says less of it than what it was refused for.
      throw error instanceof DriverError ? error : (door.failure ?? error);
    } finally {
      door.close();
      // Also when nobody waits any more: it would be left for ever.
      await engine.untag(name, new AbortController().signal).catch(() => {});
    }
  }
}

function explained(error: unknown, image: string): DriverError {
  if (error instanceof DriverError) return error;
  const why = messageOf(error);
  const options = { cause: error };
  if (error instanceof NotFoundError) return new ImageMissing(why, options);
  const notHere = `image ${shortImage(image)} is not on this executor, and`;
  if (error instanceof PreconditionError) return new ImageMissing(`${notHere} ${why}`, options);
  if (isUnknownCall(error)) {
    return new ImageMissing(
      `${notHere} the control plane is too old to hand it out: update that first`,
      options,
    );
  }
  return new PullFailed(`image ${shortImage(image)} cannot be fetched: ${why}`, options);
}

function isUnknownCall(error: unknown): boolean {
  return ((error as Error).cause as { code?: number } | undefined)?.code === status.UNIMPLEMENTED;
}
