import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  /** 127 when there is no such program; 128 and more when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Told of each line of output as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs a program to its end. Never rejects but by the signal. */
export type RunCommand = (
  file: string,
  args: readonly string[],
  options: CommandOptions,
  signal?: AbortSignal,
) => Promise<CommandResult>;

/** Enough to show what went wrong, of programs that print without end. */
const maxKeptBytes = 1024 * 1024;

export const runCommand: RunCommand = (file, args, { env, onLine }, signal) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    const kept = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      const lines = onLine && splitLines(onLine);
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (kept[name].length < maxKeptBytes) kept[name] += text;
        lines?.(text);
      });
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(error);
      else resolve({ code: 127, stdout: '', stderr: error.message });
    });
    child.on('close', (code) => resolve({ code: code ?? 128, ...kept }));
  });

function splitLines(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onLine(line);
  };
}

/** Where programs are that only administrators have on their PATH. */
export const administratorsDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin'] as const;

/** Where a program is; directories of administrators' programs are looked in too, PATH or not. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const directories = [...(env.PATH ?? '').split(delimiter), ...administratorsDirectories];
  return directories
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
