import type { Bpftool } from '../kernel/bpftool';
import { allSettings } from '../kernel/translation-settings';
import { rangesBetween } from './virtual-range';

/**
 * The ranges of networks whose programs the kernel has, of stages that are up or of what is left of them: nftables shows
 * those of its own network namespace only, and may have been flushed. None where they cannot be asked for.
 */
export async function kernelRanges(bpftool: Bpftool): Promise<string[]> {
  const networks = await allSettings(bpftool).catch(() => new Map<number, never>());
  return [...networks.values()].flatMap(({ first, last }) => rangesBetween(first, last));
}
