import type { Clock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { type Ended, runProgram, type RunProgramOptions } from '../kernel/run-program';

/** Virtual IPs are of family ip, the guard of auxiliary services of the others. */
export type NftFamily = 'ip' | 'inet' | 'bridge';

/** What is asked of nftables. */
export interface NftRunner {
  /** Carries out all of the script, or nothing of it. */
  apply(script: string): Promise<void>;
  /** Whether there is such a table. Default of family ip. */
  hasTable(table: string, family?: NftFamily): Promise<boolean>;
  /** The same, and that it is not empty: others may flush the rules of a machine, and leave tables and sets. */
  hasRules(table: string, family?: NftFamily): Promise<boolean>;
}

/** How much has gone through rules. */
export interface NftCounters {
  /** Of a set of addresses that counts, the packets of each; empty where there is no such set. */
  packets(table: string, set: string): Promise<ReadonlyMap<string, number>>;
}

export interface SystemNftOptions {
  readonly clock: Clock;
  /** The program, and what comes before its arguments. Default `nft`. */
  readonly command?: readonly string[];
  /** Default 15 s: a large table on a busy machine takes its time. */
  readonly timeoutMs?: number;
}

/** The machine's own, in the network namespace that this process is in. */
export class SystemNft implements NftRunner, NftCounters {
  readonly #options: RunProgramOptions;

  constructor({ clock, command = ['nft'], timeoutMs = 15_000 }: SystemNftOptions) {
    const remedy = 'install nftables (apt-get install nftables) for virtual IPs and names';
    this.#options = { clock, command, timeoutMs, remedy };
  }

  async apply(script: string): Promise<void> {
    const { code, stderr } = await this.#run(['-f', '-'], script);
    if (code !== 0) throw refusal(stderr);
  }

  async hasTable(table: string, family: NftFamily = 'ip'): Promise<boolean> {
    return (await this.#prerouting(table, family)) !== undefined;
  }

  async hasRules(table: string, family: NftFamily = 'ip'): Promise<boolean> {
    const chain = (await this.#prerouting(table, family)) ?? '';
    const hook = chain.lastIndexOf('policy accept;');
    return hook !== -1 && /[^\s}]/.test(chain.slice(hook + 'policy accept;'.length));
  }

  async packets(table: string, set: string): Promise<ReadonlyMap<string, number>> {
    const { code, stdout, stderr } = await this.#run(['list', 'set', 'ip', table, set]);
    if (code !== 0 && !stderr.includes('No such file or directory')) throw refusal(stderr);
    const found = stdout.matchAll(/(\d+\.\d+\.\d+\.\d+) counter packets (\d+)/g);
    return new Map([...found].map(([, address = '', packets]) => [address, Number(packets)]));
  }

  /** The chain by which packets come to all others, as nft shows it. Undefined where there is none. */
  async #prerouting(table: string, family: NftFamily): Promise<string | undefined> {
    const { code, stdout, stderr } = await this.#run(['list', 'chain', family, table, 'prerouting']);
    if (code === 0) return stdout;
    if (/No such file or directory|not supported/.test(stderr)) return undefined;
    throw refusal(stderr);
  }

  #run(args: readonly string[], input = ''): Promise<Ended> {
    return runProgram(args, input, this.#options);
  }
}

/** Removes a stage's tables: its virtual IPs, and the guard of auxiliary services. Does nothing where there is none. */
export async function removeTable(nft: NftRunner, table: string): Promise<void> {
  for (const family of ['ip', 'inet', 'bridge'] as const) {
    const name = `${family} ${table}`;
    if (await nft.hasTable(table, family)) await nft.apply(`add table ${name}\ndelete table ${name}\n`);
  }
}

function refusal(stderr: string): Error {
  const [first = 'nft failed'] = stderr.split('\n').filter((line) => line.trim() !== '');
  if (/Operation not permitted|must be root/i.test(stderr)) {
    return new PreconditionError(
      `nft may not change rules (${first}): run as root, or with the capability CAP_NET_ADMIN`,
    );
  }
  return new PreconditionError(
    `nft has refused the rules (${first}): virtual IPs need Linux 5.9 or newer with nf_tables`,
  );
}
