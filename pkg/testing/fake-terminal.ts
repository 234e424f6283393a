import type { CommandTerminal, PrintedPiece, WindowSize } from '../agent/terminal/command-terminal';
import { Passage } from '../base/passage';

/** One command's streams in memory: a test prints for it, and looks at what it was given. */
export class FakeTerminal implements CommandTerminal {
  readonly #printed = new Passage<PrintedPiece>(16);
  readonly #onSignal: ((name: string) => void) | undefined;
  readonly #exits = new Set<(code: number) => void>();
  #echoing = false;
  /** What the command was given to read. */
  readonly written: Buffer[] = [];
  readonly sizes: WindowSize[] = [];
  readonly signals: string[] = [];
  inputEnded = false;
  closed = false;
  exitCode: number | undefined;

  constructor(options: { readonly onSignal?: (name: string) => void } = {}) {
    this.#onSignal = options.onSignal;
  }

  /** The command prints. Resolves when there is room for more. */
  print(text: string | Uint8Array, stream: PrintedPiece['stream'] = 'stdout'): Promise<boolean> {
    return this.#printed.put({ stream, bytes: Buffer.from(text as string) });
  }

  /** The command prints what it reads, and ends when there is no more. */
  echo(): void {
    this.#echoing = true;
  }

  /** The command ends. */
  finish(exitCode: number): void {
    if (this.exitCode !== undefined) return;
    this.exitCode = exitCode;
    this.#printed.end();
    for (const tell of this.#exits) tell(exitCode);
  }

  get text(): string {
    return Buffer.concat(this.written).toString('utf8');
  }

  get output(): AsyncIterable<PrintedPiece> {
    return this.#printed.take(new AbortController().signal);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.written.push(Buffer.from(bytes));
    if (this.#echoing) await this.print(bytes);
  }

  end(): void {
    this.inputEnded = true;
    if (this.#echoing) this.finish(0);
  }

  async resize(size: WindowSize): Promise<void> {
    this.sizes.push(size);
  }

  async signal(name: string): Promise<void> {
    this.signals.push(name);
    this.#onSignal?.(name);
  }

  exit(signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.exitCode !== undefined) return resolve(this.exitCode);
      this.#exits.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  close(): void {
    this.closed = true;
    this.#printed.close();
  }
}
