import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { ExhaustedError, GilliamError, InvalidError, NotFoundError, UnavailableError } from '../base/errors';
import type { EngineMessage } from './build-output';
import { isDiskFull } from './checked-copy';
import { findImage, reasonOf, statusOf } from './engine';
import { checkImageArchive } from './image-check';
import { jsonLines } from './json-lines';
import type { ImageArchive } from './types';
import { openUnnamed } from './unnamed-file';

export interface DockerImagesOptions {
  readonly docker: Docker;
  /** For the images' names: what has none is pruned some day. */
  readonly stage: string;
  /** Where archives are kept while they are checked. Default the system's directory for temporary files. */
  readonly directory?: string;
}

/** The images of a Docker Engine. */
export class DockerImages implements ImageArchive {
  constructor(private readonly options: DockerImagesOptions) {}

  async find(image: string, signal: AbortSignal): Promise<string> {
    const found = await findImage(this.options.docker, image, signal).catch((error: unknown) => {
      throw unavailable(error, signal);
    });
    if (found) return found.Id;
    throw new NotFoundError(
      `image ${image.replace(/(sha256:[0-9a-f]{12})[0-9a-f]*$/, '$1')} is gone from the stage's engine: deploy again, or release one that is there`,
    );
  }

  async *save(id: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    try {
      const stream = (await this.options.docker.getImage(id).get()) as Readable;
      signal.addEventListener('abort', () => stream.destroy(), { once: true });
      yield* stream as AsyncIterable<Uint8Array>;
      signal.throwIfAborted();
    } catch (error) {
      throw unavailable(error, signal);
    }
  }

  async load(id: string, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { directory = tmpdir(), stage } = this.options;
    const file = await openUnnamed(directory);
    try {
      await spool(tar, file, directory);
      await checkImageArchive(contentOf(file), id, signal);
      await this.#load(file, signal);
      if ((await this.find(id, signal)) !== id) throw new InvalidError(`the engine has not taken in ${id}`);
      const tag = id.slice('sha256:'.length, 'sha256:'.length + 12);
      await this.options.docker
        .getImage(id)
        .tag({ repo: `gilliam/${stage}/launched`, tag, abortSignal: signal });
    } finally {
      await file.close();
    }
  }

  async #load(file: FileHandle, signal: AbortSignal): Promise<void> {
    try {
      const answer = (await this.options.docker.loadImage(contentOf(file), {
        quiet: true,
      })) as unknown as Readable;
      for await (const { error } of jsonLines<EngineMessage>(answer)) {
        if (error !== undefined) throw new InvalidError(`the engine refuses the image: ${error}`);
      }
    } catch (error) {
      const status = statusOf(error);
      if (status === 400 || status === 500) {
        throw new InvalidError(`the engine refuses the image: ${reasonOf(error)}`, [], { cause: error });
      }
      throw unavailable(error, signal);
    }
  }
}

async function spool(tar: AsyncIterable<Uint8Array>, file: FileHandle, directory: string): Promise<void> {
  try {
    for await (const chunk of tar) await file.appendFile(chunk);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw new ExhaustedError(
      `the disk of the control plane is full (${directory}): free space, then try again`,
      { cause: error },
    );
  }
}

/** From its beginning; the file stays open. */
function contentOf(file: FileHandle): Readable {
  return file.createReadStream({ start: 0, autoClose: false });
}

function unavailable(error: unknown, signal: AbortSignal): Error {
  if (error instanceof GilliamError) return error;
  if (signal.aborted) return signal.reason as Error;
  return new UnavailableError(`the Docker Engine does not answer, is it running? (${reasonOf(error)})`, {
    cause: error,
  });
}
