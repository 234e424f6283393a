import { Passage } from '../../base/passage';
import type { TerminalExit, TerminalInput, TerminalOutput } from '../../gen/gilliam/v1/exec_service';
import type { AttachRequest, TerminalWanted } from '../../gen/gilliam/v1/session_service';
import type { Transport } from '../transport';

/** Messages of up to 64 KiB that wait for a slow peer, in each direction. */
const capacity = 4;
const maxPieceBytes = 64 * 1024;

/**
 * Whoever has asked to be attached to a command, at the other end of a call that this executor has opened. Nothing is
 * read from them faster than the command takes it, and nothing printed faster than they do.
 */
export class Attachment {
  readonly #wanted: TerminalWanted;
  readonly #output = new Passage<AttachRequest>(capacity);
  readonly #input = new Passage<TerminalInput>(capacity);
  readonly #gone = new AbortController();

  constructor(wanted: TerminalWanted) {
    this.#wanted = wanted;
  }

  get wanted(): TerminalWanted {
    return this.#wanted;
  }

  /** Aborted when they are not there any more: they left, have all, or the connection broke. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when they are gone. */
  get ended(): Promise<void> {
    const { signal } = this.#gone;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Makes the call; resolves when it has ended. Throws what ended it, unless it was meant to. */
  async run(transport: Pick<Transport, 'attach'>, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#gone.signal]);
    try {
      for await (const { input } of transport.attach(this.#requests(), either)) {
        if (input && !(await this.#input.put(input))) break;
      }
    } finally {
      this.#leave();
    }
  }

  /** What they type. */
  input(): AsyncIterable<TerminalInput> {
    return this.#input.take(this.#gone.signal);
  }

  /** Resolves when more may come: true, or false when they are gone. */
  async print(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += maxPieceBytes) {
      const value = Buffer.from(bytes.subarray(at, at + maxPieceBytes));
      if (!(await this.#send({ $case: stream, value }))) return false;
    }
    return true;
  }

  /** The command has ended, or could not be run: the last that they are told. */
  async finish(code: number, error = ''): Promise<void> {
    await this.#send({ $case: 'exit', value: { code, error } satisfies TerminalExit });
    this.#output.end();
  }

  #send(output: TerminalOutput['output']): Promise<boolean> {
    return this.#output.put({ message: { $case: 'output', value: { output } } });
  }

  /** An iterator by hand: one that is asked to return learns at once that the call is over, whatever it waits for. */
  #requests(): AsyncIterable<AttachRequest> {
    const output = this.#output.take(this.#gone.signal);
    let begun = false;
    return {
      [Symbol.asyncIterator]: () => ({
        next: (): Promise<IteratorResult<AttachRequest>> => {
          if (begun) return output.next();
          begun = true;
          const value: AttachRequest = { message: { $case: 'stream', value: this.#wanted.stream } };
          return Promise.resolve({ done: false, value });
        },
        return: (): Promise<IteratorResult<AttachRequest>> => {
          this.#leave();
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  #leave(): void {
    this.#gone.abort(new Error('whoever was attached is gone'));
    this.#output.close();
    this.#input.close();
  }
}
