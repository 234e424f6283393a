import { Passage } from '../base/passage';
import type { Client } from '../client/client';
import type { TerminalInput, TerminalOutput } from '../gen/gilliam/v1/exec_service';
import type { AttachRequest, TerminalWanted } from '../gen/gilliam/v1/session_service';

/** The executor's side of one terminal, by hand: a test prints for the command, and looks at what it was given. */
export class AttachedExecutor {
  readonly #output = new Passage<AttachRequest>(4);
  readonly #abort = new AbortController();
  readonly input: TerminalInput[] = [];
  /** Why the call ended; undefined while it has not, null when the control plane ended it well. */
  error: Error | null | undefined;

  constructor(client: Client, { stream }: Pick<TerminalWanted, 'stream'>) {
    void this.#output.put({ message: { $case: 'stream', value: stream } });
    void this.#run(client);
  }

  get typed(): string {
    const pieces = this.input.map(({ input }) => (input?.$case === 'stdin' ? input.value : Buffer.alloc(0)));
    return Buffer.concat(pieces).toString('utf8');
  }

  /** Resolves when there is room for more. */
  print(text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): Promise<boolean> {
    return this.#send({ $case: stream, value: Buffer.from(text as string) });
  }

  async exit(code: number, error = ''): Promise<void> {
    await this.#send({ $case: 'exit', value: { code, error } });
    this.#output.end();
  }

  /** The connection breaks. */
  break(): void {
    this.#abort.abort();
  }

  #send(output: TerminalOutput['output']): Promise<boolean> {
    return this.#output.put({ message: { $case: 'output', value: { output } } });
  }

  async #run(client: Client): Promise<void> {
    const { signal } = this.#abort;
    try {
      for await (const { input } of client.session.attach(this.#output.take(signal), { signal })) {
        if (input) this.input.push(input);
      }
      this.error = null;
    } catch (error) {
      this.error = error as Error;
    }
  }
}
