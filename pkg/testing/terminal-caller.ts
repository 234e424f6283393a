import { Passage } from '../base/passage';
import {
  TerminalInput,
  type ExecResponse,
  type RunResponse,
  type TerminalExit,
  type TerminalOutput,
} from '../gen/gilliam/v1/exec_service';
import type { Instance } from '../resource/objects';

/** Somebody's call of Run or Exec, by hand. */
export class TerminalCaller {
  readonly #requests = new Passage<unknown>(64);
  readonly #abort = new AbortController();
  readonly instances: Instance[] = [];
  readonly output: TerminalOutput[] = [];
  exit: TerminalExit | undefined;
  error: Error | undefined;
  ended = false;
  /** Awaited for each answer: a slow reader. */
  take: () => Promise<void> = async () => {};

  constructor(
    open: (
      requests: AsyncIterable<unknown>,
      signal: AbortSignal,
    ) => AsyncIterable<RunResponse | ExecResponse>,
  ) {
    void this.#read(open(this.#requests.take(this.#abort.signal), this.#abort.signal));
  }

  get text(): string {
    const pieces = this.output.map(({ output }) =>
      output?.$case === 'stdout' ? output.value : Buffer.alloc(0),
    );
    return Buffer.concat(pieces).toString('utf8');
  }

  send(message: unknown): Promise<boolean> {
    return this.#requests.put({ message });
  }

  type(input: NonNullable<TerminalInput['input']>): Promise<boolean> {
    return this.send({ $case: 'input', value: TerminalInput.fromPartial({ input }) });
  }

  done(): void {
    this.#requests.end();
  }

  leave(): void {
    this.#abort.abort();
  }

  async #read(responses: AsyncIterable<RunResponse | ExecResponse>): Promise<void> {
    try {
      for await (const response of responses) {
        const message = 'message' in response ? response.message : undefined;
        if (message?.$case === 'instance') this.instances.push(message.value as Instance);
        const output =
          'output' in response ? response.output : message?.$case === 'output' ? message.value : undefined;
        if (output) this.output.push(output);
        if (output?.output?.$case === 'exit') this.exit = output.output.value;
        await this.take();
      }
    } catch (error) {
      this.error = error as Error;
    }
    this.ended = true;
  }
}
