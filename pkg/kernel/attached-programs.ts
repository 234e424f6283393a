import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bpftool } from './bpftool';

export interface AttachedProgramsOptions {
  readonly bpftool: Bpftool;
  /** A directory of the BPF file system, for what outlives this process. */
  readonly pins: string;
  /** The control group for whose processes they run. */
  readonly cgroup: string | undefined;
}

/**
 * Those of translate.bpf.c, as they are attached: nobody is translated for who would not be counted off. They are taken
 * away the other way round.
 */
const names = ['sock_ops', 'sock_release', 'getpeername4', 'getpeername6', 'connect4', 'connect6'] as const;

/** The programs in the kernel: each load of them is pinned under a number of its own. */
export class AttachedPrograms {
  readonly #options: AttachedProgramsOptions;
  /** The kernel's numbers of those that this process has attached. */
  #ids: readonly number[] = [];

  constructor(options: AttachedProgramsOptions) {
    this.#options = options;
  }

  get some(): boolean {
    return this.#ids.length > 0;
  }

  /** Loads and attaches those of a compiled file, in place of those of before. The words say over which maps. */
  async load(object: string, maps: readonly string[]): Promise<void> {
    const { bpftool, cgroup } = this.#options;
    const before = await this.#loads();
    const at = this.#at(Math.max(0, ...before) + 1);
    await bpftool.ask('prog', 'loadall', object, at, ...maps);
    const ids = await this.#idsAt(at);
    const former = this.#ids;
    // Known before they are attached: whatever comes of it, they are found again.
    this.#ids = [...former, ...ids.values()];
    // The old ones are there until the new ones are: with both, the first translates and counts, and one counts off.
    await bpftool.batch(names.map((name) => `cgroup attach ${cgroup} ${name} id ${ids.get(name)} multi`));
    await this.#detach(before, former);
    this.#ids = [...ids.values()];
  }

  /** Whether all are attached that this process has attached. */
  async areThere(): Promise<boolean> {
    const there = new Set((await this.#atCgroup()).map(({ id }) => id));
    return this.#ids.every((id) => there.has(id));
  }

  /** Takes away all, of this process and of those before it. */
  async remove(): Promise<void> {
    await this.#detach(await this.#loads(), this.#ids);
    this.#ids = [];
  }

  #at(load: number): string {
    return join(this.#options.pins, `programs_${load}`);
  }

  async #loads(): Promise<readonly number[]> {
    const pinned = await namesIn(this.#options.pins);
    return pinned.flatMap((name) => /^programs_(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  }

  /** Those that are pinned, and others by their numbers. */
  async #detach(loads: readonly number[], others: readonly number[]): Promise<void> {
    const { bpftool, cgroup } = this.#options;
    const mine = new Set(others);
    for (const load of loads) for (const id of (await this.#idsAt(this.#at(load))).values()) mine.add(id);
    const attached = mine.size > 0 ? (await this.#atCgroup()).filter(({ id }) => mine.has(id)) : [];
    await bpftool.batch(
      names
        .toReversed()
        .flatMap((program) => attached.filter(({ name }) => name === program))
        .map(({ name, id }) => `cgroup detach ${cgroup} ${name} id ${id}`),
    );
    for (const load of loads) await rm(this.#at(load), { recursive: true, force: true });
  }

  async #atCgroup(): Promise<readonly { readonly id: number; readonly name: string }[]> {
    const { bpftool, cgroup } = this.#options;
    const list = cgroup === undefined ? [] : await bpftool.ask('cgroup', 'show', cgroup);
    return Array.isArray(list) ? (list as { id: number; name: string }[]) : [];
  }

  /** The kernel's numbers of programs that are pinned: of those that are there, if their load was broken off. */
  async #idsAt(directory: string): Promise<ReadonlyMap<string, number>> {
    const ids = new Map<string, number>();
    for (const name of await namesIn(directory)) {
      const shown = await this.#options.bpftool.ask('prog', 'show', 'pinned', join(directory, name));
      ids.set(name, (shown as { id: number }).id);
    }
    return ids;
  }
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
