import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Bpftool, listOf, unlessGone } from '../kernel/bpftool';
import { allSettings, type TranslationSettings } from '../kernel/translation-settings';
import type { AddressRange } from './address-range';

export interface RivalsOptions {
  readonly bpftool: Bpftool;
  /** Where this network has its own pins; those of others are beside them. */
  readonly pins: string;
  readonly cgroup: string;
  readonly range: AddressRange;
}

/** A network of this kernel with addresses of our range. */
export interface Rival {
  /** `gilliam_<stage key>`; unknown where its pins are not beside ours. */
  readonly name: string | undefined;
  /** The kernel's number of its map of settings. */
  readonly id: number;
  readonly settings: TranslationSettings;
}

/**
 * Networks whose programs run where ours do, and have addresses of the same range. What is attached to control groups runs
 * for processes in all network namespaces, and others may have pinned theirs where we see nothing: in a BPF file system of
 * their own. So they are looked for in the kernel, which knows them all; and by pins, as a network of a version before this
 * one has nothing else while it may not translate.
 */
export async function findRivals(options: RivalsOptions): Promise<readonly Rival[]> {
  const { bpftool, pins, range } = options;
  const named = await pinnedSettings(bpftool, dirname(pins));
  const sharing: Rival[] = [];
  for (const [id, settings] of await allSettings(bpftool)) {
    const name = named.get(id);
    if (name === basename(pins)) continue;
    if (settings.first <= range.last && settings.last >= range.first) sharing.push({ name, id, settings });
  }
  if (sharing.every(({ id }) => named.has(id))) return sharing;
  const running = await mapsInUse(options);
  return sharing.filter(({ id }) => named.has(id) || running.has(id));
}

/** The names of those that are pinned in a directory, by their numbers. */
async function pinnedSettings(bpftool: Bpftool, directory: string): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>();
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith('gilliam_')) continue;
    const pin = join(directory, name, 'maps', 'settings');
    const shown = (await unlessGone(bpftool.ask('map', 'show', 'pinned', pin))) as { id: number } | undefined;
    if (shown) names.set(shown.id, name);
  }
  return names;
}

/** The maps of programs that run for a process for which ours do: attached at our control group, or above it, or below. */
async function mapsInUse({ bpftool, cgroup }: RivalsOptions): Promise<ReadonlySet<number>> {
  type Attached = readonly { readonly id: number }[];
  const above = listOf<Attached[number]>(await bpftool.ask('cgroup', 'show', cgroup, 'effective'));
  const below = listOf<{ programs: Attached }>(await bpftool.ask('cgroup', 'tree', cgroup));
  const attached = new Set([...above, ...below.flatMap(({ programs }) => programs)].map(({ id }) => id));
  const programs = listOf<{ id: number; map_ids?: number[] }>(await bpftool.ask('prog', 'show'));
  return new Set(programs.filter(({ id }) => attached.has(id)).flatMap(({ map_ids = [] }) => map_ids));
}
