import { Agent } from 'undici';
import type { Clock } from '../base/clock';
import { GilliamError, messageOf, UnavailableError } from '../base/errors';
import { Silence } from '../base/silence';
import type { ImageRegistry, RegistryAnswer, RegistryRequest } from './image-registry';
import { answerHeaders } from './image-registry';
import type { RegistryPlace } from './registry-setting';

export interface HttpRegistryOptions {
  readonly place: RegistryPlace;
  readonly clock: Clock;
  /** The longest silence of the registry. Default 30 s. */
  readonly silenceMs?: number;
}

const defaultSilenceMs = 30_000;
/** Registries hand out what is large from elsewhere. */
const maxRedirections = 3;

/** An OCI registry, by HTTP. */
export class HttpRegistry implements ImageRegistry {
  readonly #options: HttpRegistryOptions;
  readonly #agent: Agent;

  constructor(options: HttpRegistryOptions) {
    this.#options = options;
    const { socketPath } = options.place;
    // Deadlines are ours, by the clock. A proxy of the environment is for the web.
    this.#agent = new Agent({
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { ...(socketPath && { socketPath }) },
    });
  }

  /** As errors call it. */
  get shown(): string {
    return this.#options.place.shown;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async ask(request: RegistryRequest, signal: AbortSignal): Promise<RegistryAnswer> {
    const { clock, place, silenceMs = defaultSilenceMs } = this.#options;
    const silent = () => new Error(`it has said nothing for ${silenceMs / 1000} s`);
    const silence = new Silence(clock, silenceMs, silent, signal);
    const fail = (error: unknown): Error => {
      silence.dispose();
      if (signal.aborted) return signal.reason as Error;
      if (error instanceof GilliamError) return error;
      const why = messageOf(silence.signal.aborted ? silence.signal.reason : error);
      return new UnavailableError(`the image registry at ${place.shown} does not answer: ${why}`, {
        cause: error,
      });
    };
    try {
      const answer = await this.#follow(request, silence);
      const { statusCode: status, headers, body } = answer;
      return { status, headers: this.#headersOf(headers), body: heard(body, silence, fail) };
    } catch (error) {
      throw fail(error);
    }
  }

  async #follow({ method, path, headers, body }: RegistryRequest, silence: Silence) {
    const { place } = this.#options;
    let url = new URL(path, place.origin);
    for (let redirections = 0; ; redirections++) {
      // The registry's password is nobody else's.
      const own = url.origin === place.origin && place.authorization !== undefined;
      const answer = await this.#agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: method,
        headers: { ...headers, ...(own && { authorization: place.authorization }) },
        body: body && (going(body, silence) as unknown as Uint8Array),
        signal: silence.signal,
      });
      const { location } = answer.headers;
      const elsewhere = [301, 302, 303, 307, 308].includes(answer.statusCode) && typeof location === 'string';
      if (!elsewhere || (method !== 'GET' && method !== 'HEAD') || redirections === maxRedirections)
        return answer;
      await answer.body.dump();
      url = new URL(location, url);
    }
  }

  /** Where it is to be asked next is said without its own name: whoever asks may know it by another. */
  #headersOf(given: Parameters<typeof answerHeaders>[0]): Record<string, string> {
    const headers = answerHeaders(given);
    const { location } = headers;
    if (location === undefined) return headers;
    const url = new URL(location, this.#options.place.origin);
    return { ...headers, location: `${url.pathname}${url.search}` };
  }
}

/** The registry has to take what is sent; the time that it takes to come is not the registry's. */
async function* going(body: AsyncIterable<Uint8Array>, silence: Silence): AsyncGenerator<Uint8Array> {
  silence.pause();
  for await (const part of body) {
    silence.heard();
    yield part;
    silence.pause();
  }
  silence.heard();
}

/** The time that the reader takes is not the registry's. */
async function* heard(
  body: AsyncIterable<Uint8Array>,
  silence: Silence,
  fail: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  try {
    silence.heard();
    for await (const part of body) {
      silence.pause();
      yield part;
      silence.heard();
    }
  } catch (error) {
    throw fail(error);
  } finally {
    silence.dispose();
  }
}
