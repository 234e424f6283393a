import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PreconditionError } from '../base/errors';
import { AttachedPrograms } from '../kernel/attached-programs';
import type { Bpftool } from '../kernel/bpftool';
import { cgroupRoot } from '../kernel/cgroup-root';

export interface TranslationPinsOptions {
  readonly bpftool: Bpftool;
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
  async remove(table: string): Promise<void> {
    if (!this.isThere(table)) return;
    const pins = this.#at(table);
    const { bpftool, cgroup = await cgroupRoot() } = this.#options;
    try {
      await new AttachedPrograms({ bpftool, pins, cgroup }).remove();
    } catch (error) {
      throw new PreconditionError(
        `virtual IPs are still translated by programs in ${pins}: ${messageOf(error)}; then run this again`,
        { cause: error },
      );
    }
    await rm(pins, { recursive: true, force: true });
  }

  #at(table: string): string {
    return join(this.#options.directory ?? '/sys/fs/bpf', table);
  }
}
