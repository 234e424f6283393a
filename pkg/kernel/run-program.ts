import { spawn } from 'node:child_process';
import { type Clock, deadline } from '../base/clock';
import { PreconditionError, UnavailableError } from '../base/errors';

export interface RunProgramOptions {
  readonly clock: Clock;
  /** The program, and what comes before its arguments. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** What is to be done where it is not there: `install nftables …`. */
  readonly remedy: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of the administrator's to its end, whatever that is. Throws PreconditionError where there is none,
 * UnavailableError where it does not end in time.
 */
export async function runProgram(
  args: readonly string[],
  input: string,
  options: RunProgramOptions,
): Promise<Ended> {
  const limit = deadline(options.clock, options.timeoutMs);
  try {
    return await run(args, input, options, limit.signal);
  } finally {
    limit.dispose();
  }
}

function run(
  args: readonly string[],
  input: string,
  { command, remedy }: RunProgramOptions,
  signal: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const [program = '', ...before] = command;
    const child = spawn(program, [...before, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Such programs are where only root's PATH leads.
      env: { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
      signal,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < 4096) stderr += text;
    });
    child.once('error', (error: NodeJS.ErrnoException) => reject(failure(error, program, remedy, signal)));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    // A program that ends before it has read everything says why by itself.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function failure(error: NodeJS.ErrnoException, program: string, remedy: string, signal: AbortSignal): Error {
  if (signal.aborted) return new UnavailableError(`${program} did not end in time`, { cause: error });
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    const what = error.code === 'ENOENT' ? 'is not there' : 'is not executable';
    return new PreconditionError(`${program} ${what}: ${remedy}`, { cause: error });
  }
  return new UnavailableError(`${program} cannot be run: ${error.message}`, { cause: error });
}
