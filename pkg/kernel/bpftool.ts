import type { Clock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { runProgram, type RunProgramOptions } from './run-program';

/** What is asked of bpftool. Throws PreconditionError for whatever it refuses. */
export interface Bpftool {
  /** Carries out the commands, one after the other, up to the first that fails. */
  batch(commands: readonly string[]): Promise<void>;
  /** What a command says, as JSON. */
  ask(...command: string[]): Promise<unknown>;
}

export interface SystemBpftoolOptions {
  readonly clock: Clock;
  /** The program, and what comes before its arguments. Default `bpftool`. */
  readonly command?: readonly string[];
  /** Default 15 s. */
  readonly timeoutMs?: number;
}

/** The machine's own. */
export class SystemBpftool implements Bpftool {
  readonly #options: RunProgramOptions;

  constructor({ clock, command = ['bpftool'], timeoutMs = 15_000 }: SystemBpftoolOptions) {
    this.#options = { clock, command, timeoutMs, remedy: 'install it (apt-get install bpftool)' };
  }

  async batch(commands: readonly string[]): Promise<void> {
    if (commands.length === 0) return;
    await this.#run(['batch', 'file', '-'], commands.map((command) => `${command}\n`).join(''));
  }

  async ask(...command: string[]): Promise<unknown> {
    return JSON.parse((await this.#run(['-j', ...command])).trim() || 'null');
  }

  async #run(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await runProgram(args, input, this.#options);
    if (code === 0) return stdout;
    throw new PreconditionError(
      `bpftool has refused: ${reasonIn(stderr) ?? reasonIn(stdout) ?? 'it failed'}`,
    );
  }
}

/** What is asked for as a list; bpftool says nothing where there is nothing. */
export function listOf<T>(answer: unknown): readonly T[] {
  return Array.isArray(answer) ? (answer as T[]) : [];
}

/** What was there a moment ago may not be any more. */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.message.includes('No such file or directory')) return undefined;
    throw error;
  }
}

/** The loader says what it tries before what has failed. */
function reasonIn(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const said = /"error":"([^"]*)"/.exec(text)?.[1];
  return said ?? lines.findLast((line) => line.includes('rror')) ?? lines.at(-1);
}
