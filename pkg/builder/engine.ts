import type { Readable } from 'node:stream';
import type Docker from 'dockerode';

/** What is known of an image once it is made. */
export interface ImageFacts {
  readonly sizeBytes: number;
  /** Whether it says itself what to run. */
  readonly hasCommand: boolean;
  /** The TCP ports exposed, lowest first. */
  readonly ports: readonly number[];
}

/** The calls of the Docker Engine that building takes, each of which ends when the signal fires. */
export class Engine {
  constructor(private readonly docker: Docker) {}

  async ping(signal: AbortSignal): Promise<void> {
    // dockerode passes the signal on everywhere; its types do not know that yet.
    const ping = this.docker.ping.bind(this.docker) as unknown as (options: Abortable) => Promise<unknown>;
    await ping({ abortSignal: signal });
  }

  /** The engine's messages, one JSON object a line; errors of the build are among them. */
  async build(
    upload: Readable,
    options: Docker.ImageBuildOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.docker.buildImage(upload, { ...options, abortSignal: signal });
    return response as Readable;
  }

  /** Undefined where the engine does not have it. */
  async find(image: string, signal: AbortSignal): Promise<ImageFacts | undefined> {
    const found = await findImage(this.docker, image, signal);
    if (!found) return undefined;
    const { Size, Config } = found;
    return {
      sizeBytes: Size,
      hasCommand: (Config.Cmd?.length ?? 0) + (Config.Entrypoint?.length ?? 0) > 0,
      ports: Object.keys(Config.ExposedPorts ?? {})
        .filter((port) => port.endsWith('/tcp'))
        .map((port) => parseInt(port, 10))
        .sort((a, b) => a - b),
    };
  }

  async tag(image: string, repo: string, tag: string, signal: AbortSignal): Promise<void> {
    await this.docker.getImage(image).tag({ repo, tag, abortSignal: signal });
  }
}

interface Abortable {
  readonly abortSignal: AbortSignal;
}

/** What the engine knows of an image, by its name or id; undefined where it does not have it. */
export async function findImage(
  docker: Docker,
  image: string,
  signal: AbortSignal,
): Promise<Docker.ImageInspectInfo | undefined> {
  const handle = docker.getImage(image);
  // dockerode passes the signal on; its types do not know that yet.
  const inspect = handle.inspect.bind(handle) as unknown as (
    options: Abortable,
  ) => Promise<Docker.ImageInspectInfo>;
  return unlessMissing(inspect({ abortSignal: signal }));
}

/** What the engine answers; undefined where it does not have what was asked for. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The status of an engine's answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number } | undefined)?.statusCode;
}

/** What the engine said, without the client's words around it. */
export function reasonOf(error: unknown): string {
  const said = (error as { json?: { message?: string } } | undefined)?.json?.message;
  return (said ?? (error instanceof Error ? error.message : String(error))).replace(/\s+/g, ' ').trim();
}
