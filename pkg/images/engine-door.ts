import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { messageOf, UnavailableError } from '../base/errors';
import type { Random } from '../base/random';
import type { ImageRegistry, RegistryAnswer } from './image-registry';

export interface EngineDoorOptions {
  readonly registry: ImageRegistry;
  /** What of the protocol is passed on. */
  readonly allows: (method: string, path: string) => boolean;
  readonly random: Random;
}

/** As engines are given it. */
export interface DoorCredentials {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

const realm = { 'www-authenticate': 'Basic realm="images of the stage"' };
/** Of a request, what says what is asked for. */
const passed = ['accept', 'content-length', 'content-range', 'content-type', 'range'];

/**
 * An image registry at 127.0.0.1 for the Docker Engine of this machine, open for as long as one image takes: engines
 * speak HTTP there without being told. What it is asked it passes on to a registry that the engine need not reach,
 * trust or have a password of. Its own password is another one each time, as every user of the machine may connect to
 * it.
 */
export class EngineDoor {
  readonly #options: EngineDoorOptions;
  readonly #server: Server;
  readonly #closing = new AbortController();
  readonly #authorization: Buffer;
  readonly credentials: DoorCredentials;
  #failure: Error | undefined;

  private constructor(options: EngineDoorOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    const password = options.random.uuid();
    this.credentials = { username: 'engine', password, serveraddress: `127.0.0.1:${portOf(server)}` };
    this.#authorization = Buffer.from(`Basic ${Buffer.from(`engine:${password}`).toString('base64')}`);
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async open(options: EngineDoorOptions): Promise<EngineDoor> {
    const server = createServer({ requestTimeout: 0 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new EngineDoor(options, server);
  }

  /** `127.0.0.1:34567`: before the repository in an image's name. */
  get host(): string {
    return this.credentials.serveraddress;
  }

  /** What the last request failed with that could not be passed on or answered to its end: engines say less of it. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  close(): void {
    this.#closing.abort(new Error('the image is there, or given up'));
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    if (!this.#mayEnter(request)) return refuse(response, 401, 'UNAUTHORIZED', 'who are you?', realm);
    // Asked first, for whether this is a registry at all.
    if (path === '/v2/' && (method === 'GET' || method === 'HEAD')) {
      return void response.writeHead(200, { 'docker-distribution-api-version': 'registry/2.0' }).end('{}');
    }
    if (!this.#options.allows(method, path))
      return refuse(response, 403, 'DENIED', `${method} ${path} is not passed on`);
    const left = new AbortController();
    response.once('close', () => left.abort(new Error('the engine is gone')));
    try {
      const signal = AbortSignal.any([left.signal, this.#closing.signal]);
      const answer = await this.#options.registry.ask({ method, path, ...contentOf(request) }, signal);
      response.writeHead(answer.status, answer.headers);
      const body = method === 'HEAD' ? answer.body : whole(answer);
      await pipeline(body, response, { signal });
    } catch (error) {
      this.#fail(error, response, left.signal);
    }
  }

  /** Half an answer ends with its connection: what is missing then is asked for again, and never passes for all. */
  #fail(error: unknown, response: ServerResponse, left: AbortSignal): void {
    if (!left.aborted) this.#failure = error instanceof Error ? error : new Error(String(error));
    if (response.headersSent) response.destroy();
    else refuse(response, 502, 'UNAVAILABLE', messageOf(error));
  }

  #mayEnter({ headers }: IncomingMessage): boolean {
    const given = Buffer.from(headers.authorization ?? '');
    return given.length === this.#authorization.length && timingSafeEqual(given, this.#authorization);
  }
}

/** What ends early without an error must not pass for all. */
async function* whole({ headers, body }: RegistryAnswer): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    yield part;
  }
  const announced = headers['content-length'];
  if (announced !== undefined && bytes !== Number(announced)) {
    throw new UnavailableError(`the image registry has sent ${bytes} of ${announced} bytes`);
  }
}

function contentOf(request: IncomingMessage) {
  const headers = Object.fromEntries(
    passed.flatMap((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
  const hasBody = request.method === 'PUT' || request.method === 'PATCH' || request.method === 'POST';
  return { headers, ...(hasBody && { body: request as AsyncIterable<Uint8Array> }) };
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify({ errors: [{ code, message }] });
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(text);
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
