import type { LogBatch } from '../../resource/log-chunk';

/** One instance's lines on their way from its executor's call to a reader's. */
export interface LogPipe {
  /** Resolves when more may come: true, or false when nobody reads any more. */
  push(batch: LogBatch): Promise<boolean>;
  /** No more will come. `error` says why not, where that was no wish of anybody. */
  end(error: string): void;
  /** Aborted when nobody reads any more: a log may be quiet for ever, and `push` never be called again. */
  readonly left: AbortSignal;
}

/** Brings together who wants logs and who has them: a call of a user, and one of an executor. */
export class LogBroker {
  readonly #wanted = new Map<string, LogPipe>();

  /** Expects an executor to send the stream of this name. */
  expect(stream: string, pipe: LogPipe): void {
    this.#wanted.set(stream, pipe);
  }

  /** Nobody wants it any more. */
  forget(stream: string): void {
    this.#wanted.delete(stream);
  }

  /** The other end of the stream, for the one executor that sends it. Undefined when nobody wants it. */
  connect(stream: string): LogPipe | undefined {
    const pipe = this.#wanted.get(stream);
    this.#wanted.delete(stream);
    return pipe;
  }
}
