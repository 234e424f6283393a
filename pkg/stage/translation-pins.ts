import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { findProgram, type RunCommand } from './command';

export interface TranslationPinsOptions {
  readonly run: RunCommand;
  readonly env: NodeJS.ProcessEnv;
  /** Where what outlives its process is kept. Default /sys/fs/bpf. */
  readonly directory?: string;
  /** The root of the version 2 control groups. Default where they are mounted. */
  readonly cgroup?: string;
}

/** What down needs of the translation of virtual IPs at connect: programs in the kernel, and pins that keep them. */
export class TranslationPins {
  readonly #options: TranslationPinsOptions;

  constructor(options: TranslationPinsOptions) {
    this.#options = options;
  }

  /** Whether a stage has some, by the name of its table. */
  isThere(table: string): boolean {
    return existsSync(this.#at(table));
  }

  /** Connections that were translated go on. Throws PreconditionError where programs would be left. */
  async remove(table: string, signal?: AbortSignal): Promise<void> {
    if (!this.isThere(table)) return;
    const { run, env } = this.#options;
    const bpftool = findProgram('bpftool', env);
    if (!bpftool) {
      throw new PreconditionError(
        `virtual IPs are still translated by programs in ${this.#at(table)}: install bpftool (apt-get install bpftool), then run this again`,
      );
    }
    const cgroup = this.#options.cgroup ?? (await cgroupRoot());
    const loads = (await readdir(this.#at(table))).filter((name) => name.startsWith('programs_'));
    for (const load of loads) {
      // In the order of the alphabet: what translates goes before what counts connections off.
      for (const program of (await readdir(join(this.#at(table), load))).sort()) {
        const pinned = ['pinned', join(this.#at(table), load, program)];
        // One that is not attached cannot be detached, and need not be.
        await run(bpftool, ['cgroup', 'detach', cgroup ?? '', program, ...pinned], { env }, signal);
      }
    }
    await rm(this.#at(table), { recursive: true, force: true });
  }

  #at(table: string): string {
    return join(this.#options.directory ?? '/sys/fs/bpf', table);
  }
}

async function cgroupRoot(): Promise<string | undefined> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8').catch(() => '')).split('\n');
  return mounts.map((line) => line.split(' ')).find(([, , type]) => type === 'cgroup2')?.[1];
}
