import type { Clock } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import { Silence } from '../../base/silence';
import type { ReadImageHead, ReadImageResponse } from '../../gen/gilliam/v1/image_service';
import type { ImageRegistry, RegistryAnswer, RegistryRequest } from '../../images/image-registry';
import { answerHeaders } from '../../images/image-registry';
import type { ImageSource } from './image-source';

/** Control planes say something every few seconds, if only that they are at it. */
export const silenceMs = 30_000;

/** The stage's image registry, read by its API. */
export class ApiRegistry implements ImageRegistry {
  constructor(
    private readonly source: Pick<ImageSource, 'read'>,
    private readonly clock: Clock,
  ) {}

  async ask({ method, path, headers }: RegistryRequest, signal: AbortSignal): Promise<RegistryAnswer> {
    const { accept = '', range = '' } = headers;
    const request = { path, headOnly: method === 'HEAD', accept, range };
    const messages = untilSilent((until) => this.source.read(request, until), this.clock, signal);
    const head = await headOf(messages);
    return { status: head.status, headers: answerHeaders(head.headers), body: chunksOf(messages) };
  }
}

/** The messages of a call, until the control plane has said nothing for too long: then throws UnavailableError. */
export async function* untilSilent<T>(
  call: (signal: AbortSignal) => AsyncIterable<T>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const silent = () => new UnavailableError(`the control plane has said nothing for ${silenceMs / 1000} s`);
  const silence = new Silence(clock, silenceMs, silent, signal);
  try {
    for await (const message of call(silence.signal)) {
      // The time that it takes to be taken is not the control plane's.
      silence.pause();
      yield message;
      silence.heard();
    }
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    silence.dispose();
  }
}

async function headOf(messages: AsyncIterator<ReadImageResponse>): Promise<ReadImageHead> {
  for (;;) {
    const next = await messages.next();
    if (next.done) throw new UnavailableError('the control plane has not answered');
    if (next.value.part?.$case === 'head') return next.value.part.value;
  }
}

async function* chunksOf(messages: AsyncIterable<ReadImageResponse>): AsyncGenerator<Uint8Array> {
  for await (const { part } of messages) if (part?.$case === 'chunk') yield part.value;
}
