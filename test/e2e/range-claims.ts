import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SystemClock } from '../../pkg/base/clock';
import { SystemBpftool } from '../../pkg/kernel/bpftool';
import { runCommand } from '../../pkg/stage/command';
import { kernelRanges } from '../../pkg/stage/kernel-ranges';
import { Nftables } from '../../pkg/stage/nftables';
import { pickVirtualRange } from '../../pkg/stage/virtual-range';
import { exclusively } from './exclusively';
import { lives } from './run-owner';

const exec = promisify(execFile);
const nftables = new Nftables(runCommand, process.env);
const bpftool = new SystemBpftool({ clock: new SystemClock() });
const claim = /^gilliam_claim_(\d+)_\w+$/;

/**
 * A range of virtual IPs that nobody else on this machine has, for what is not seen to have one: machines that are network
 * namespaces have rules where no stage looks, and one kernel with all others. A table of this machine speaks of it, by
 * which stages choose theirs, until it is released.
 */
export function claimRange(name: string): Promise<string> {
  return exclusively('up', async () => {
    await sweepClaims();
    const taken = new Set([...(await nftables.virtualRanges()), ...(await kernelRanges(bpftool))]);
    const range = pickVirtualRange(`${process.pid}-${name}`, taken);
    await holdRange(name, range);
    return range;
  });
}

/** Has a stage's range kept for it while it is down, too. */
export async function holdRange(name: string, range: string): Promise<void> {
  const table = tableOf(name);
  await releaseRange(name);
  await reserveRanges([range], ['nft'], table);
}

/** One that is held by nobody is none. */
export async function releaseRange(name: string): Promise<void> {
  await nftables.remove(tableOf(name));
}

/** Has rules speak of ranges, by a command that runs `nft` somewhere: a stage there takes another one. */
export async function reserveRanges(
  ranges: readonly string[],
  [command = 'nft', ...args]: readonly string[],
  table = 'gilliam_elsewhere',
): Promise<void> {
  const addresses = ranges.map((range) => range.split('/')[0]);
  const set = `set taken { type ipv4_addr; elements = { ${addresses.join(', ')} }; };`;
  await exec(command, [...args, `table ip ${table} { ${set} }`]);
}

/** All ranges but one. */
export function rangesBut(range: string): readonly string[] {
  const all = new Set<string>();
  while (all.size < 32) all.add(pickVirtualRange('', all));
  all.delete(range);
  return [...all];
}

function tableOf(name: string): string {
  return `gilliam_claim_${process.pid}_${name.replaceAll(/\W/g, '_')}`;
}

/** Those of processes that were killed are none. */
export async function sweepClaims(): Promise<void> {
  // Where rules cannot be read, none were made.
  const { stdout } = await exec('nft', ['list', 'tables']).catch(() => ({ stdout: '' }));
  for (const line of stdout.split('\n')) {
    const [, , table = ''] = line.split(' ');
    const pid = claim.exec(table)?.[1];
    if (pid && !lives(pid)) await nftables.remove(table);
  }
}
