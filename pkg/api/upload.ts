import { ExhaustedError, InvalidError } from '../base/errors';
import { formatBytes } from '../resource/quantity';

/** The contract's limit of one message. */
const maxChunkBytes = 2 ** 20;

export interface UploadOptions<T> {
  /** Throws InvalidError for a message that is no chunk. */
  readonly chunkOf: (message: T) => Uint8Array;
  readonly maxBytes: number;
  /** What the caller is told beyond that. */
  readonly tooMuch: string;
}

/** The chunks of an archive, as their consumer asks for them: what it does not take, the client cannot send. */
export class Upload<T> implements AsyncIterable<Uint8Array> {
  /** Why it ended early. */
  failure: Error | undefined;

  constructor(
    private readonly messages: AsyncIterator<T>,
    private readonly options: UploadOptions<T>,
    private readonly signal: AbortSignal,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { chunkOf, maxBytes, tooMuch } = this.options;
    try {
      let bytes = 0;
      for (let next = await this.messages.next(); !next.done; next = await this.messages.next()) {
        const chunk = chunkOf(next.value);
        if (chunk.length > maxChunkBytes) {
          const description = `a chunk is ${formatBytes(chunk.length)}: send at most 1 MiB at a time`;
          throw new InvalidError(description, [{ field: 'chunk', description }]);
        }
        bytes += chunk.length;
        if (bytes > maxBytes) throw new ExhaustedError(tooMuch);
        yield chunk;
      }
      // A cancelled stream ends as a finished one does, and is known to be cancelled a turn later: half an archive must
      // not pass for a whole one.
      await new Promise((resolve) => setImmediate(resolve));
      this.signal.throwIfAborted();
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
  }
}
