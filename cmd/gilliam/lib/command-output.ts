import type { TerminalExit } from '../../../pkg/gen/gilliam/v1/exec_service';
import type { Context } from '../context';

/** What `--json` keeps of each stream. */
const maxKeptBytes = 4 * 1024 * 1024;

/** Where a command's output goes: on to our own streams, or into the answer of `--json`. */
export class CommandOutput {
  readonly #context: Context;
  readonly #json: boolean;
  readonly #kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  readonly #bytes = { stdout: 0, stderr: 0 };

  constructor(context: Context, json: boolean) {
    this.#context = context;
    this.#json = json;
  }

  async print(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    if (this.#json) return this.#keep(stream, bytes);
    const output = this.#context[stream];
    output.write(bytes);
    await output.drained(this.#context.signal).catch(() => {});
  }

  /** The answer of `--json`: the newest of what was printed, as far as it is kept. */
  answer(exit: TerminalExit, about: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const text = (stream: 'stdout' | 'stderr') => Buffer.concat(this.#kept[stream]).toString('utf8');
    const { stdout, stderr } = this.#bytes;
    return {
      ...about,
      exitCode: exit.code,
      ...(exit.error && { error: exit.error }),
      stdout: text('stdout'),
      stderr: text('stderr'),
      ...((stdout > maxKeptBytes || stderr > maxKeptBytes) && { truncated: true }),
    };
  }

  #keep(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#bytes[stream] += bytes.length;
    const kept = this.#kept[stream];
    kept.push(Buffer.from(bytes));
    let size = kept.reduce((sum, piece) => sum + piece.length, 0);
    while (size > maxKeptBytes && kept.length > 1) size -= kept.shift()?.length ?? 0;
  }
}
