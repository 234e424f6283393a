import type Docker from 'dockerode';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import { GilliamError, UnavailableError } from '../base/errors';
import { Silence } from '../base/silence';
import type { EngineMessage } from '../builder/build-output';
import { findImage, reasonOf, statusOf, unlessMissing } from '../builder/engine';
import { jsonLines } from '../builder/json-lines';
import type { DoorCredentials } from './engine-door';
import type { ImageEngine, ImageName } from './image-engine';

const quickMs = 10_000;
/** Engines tell of their progress all the time, except while they look for what the other side has already. */
const silenceMs = 120_000;

/** A Docker Engine. */
export class DockerImageEngine implements ImageEngine {
  constructor(
    private readonly docker: Docker,
    private readonly clock: Clock,
  ) {}

  async idOf(image: string, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#inspect(image, signal))?.Id;
  }

  async isNamed(image: string, signal: AbortSignal): Promise<boolean> {
    return ((await this.#inspect(image, signal))?.RepoTags ?? []).length > 0;
  }

  async allNames(signal: AbortSignal): Promise<readonly string[]> {
    const images = await this.#quick(signal, (abortSignal) => this.docker.listImages({ abortSignal }));
    return images.flatMap(({ RepoTags }) => (RepoTags as readonly string[] | null) ?? []);
  }

  tag(image: string, { repository: repo, tag }: ImageName, signal: AbortSignal): Promise<void> {
    return this.#quick(signal, async (abortSignal) => {
      await this.docker.getImage(image).tag({ repo, tag, abortSignal });
    });
  }

  untag({ repository, tag }: ImageName, signal: AbortSignal): Promise<void> {
    return this.#quick(signal, async (abortSignal) => {
      const options = { noprune: false, abortSignal } as object;
      await unlessMissing(this.docker.getImage(`${repository}:${tag}`).remove(options));
    });
  }

  push({ repository, tag }: ImageName, authconfig: DoorCredentials, signal: AbortSignal): Promise<void> {
    return this.#transfer(signal, (abortSignal) =>
      this.docker.getImage(repository).push({ tag, authconfig, abortSignal }),
    );
  }

  pull({ repository, tag }: ImageName, authconfig: DoorCredentials, signal: AbortSignal): Promise<void> {
    return this.#transfer(signal, (abortSignal) =>
      this.docker.createImage(authconfig, { fromImage: repository, tag, abortSignal } as object),
    );
  }

  #inspect(image: string, signal: AbortSignal): Promise<Docker.ImageInspectInfo | undefined> {
    return this.#quick(signal, (abortSignal) => findImage(this.docker, image, abortSignal));
  }

  /** The engine's messages, until it is done. */
  async #transfer(
    signal: AbortSignal,
    begin: (signal: AbortSignal) => Promise<NodeJS.ReadableStream>,
  ): Promise<void> {
    const silent = () => new Error(`the Docker Engine has said nothing for ${silenceMs / 1000} s`);
    const silence = new Silence(this.clock, silenceMs, silent, signal);
    try {
      const stream = await begin(silence.signal);
      for await (const { error } of jsonLines<EngineMessage>(stream as AsyncIterable<Buffer>)) {
        silence.heard();
        if (error !== undefined) throw new UnavailableError(error);
      }
      silence.signal.throwIfAborted();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw explained(silence.signal.aborted ? silence.signal.reason : error);
    } finally {
      silence.dispose();
    }
  }

  async #quick<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = deadline(this.clock, quickMs, signal);
    try {
      return await work(limit.signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw explained(error);
    } finally {
      limit.dispose();
    }
  }
}

function explained(error: unknown): GilliamError {
  if (error instanceof GilliamError) return error;
  const why = reasonOf(error);
  const said = statusOf(error) === undefined ? `the Docker Engine does not answer: ${why}` : why;
  return new UnavailableError(said, { cause: error });
}
