import { findProgram, type RunCommand } from './command';
import { rangesIn } from './virtual-range';

/** What up and down need of the kernel's packet filter. Where it cannot be used there are no tables. */
export class Nftables {
  constructor(
    private readonly run: RunCommand,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Of the tables of this name, which families they are of: `ip`. */
  async familiesOf(table: string, signal?: AbortSignal): Promise<string[]> {
    const lines = (await this.#nft(['list', 'tables'], signal))
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    return lines.flatMap(([word, family, name]) =>
      word === 'table' && name === table && family ? [family] : [],
    );
  }

  async remove(table: string, signal?: AbortSignal): Promise<void> {
    for (const family of await this.familiesOf(table, signal)) {
      await this.#nft(['delete', 'table', family, table], signal);
    }
  }

  /** The ranges of virtual IPs that rules on this machine speak of, whoever has made them. */
  async virtualRanges(signal?: AbortSignal): Promise<string[]> {
    const tables = (await this.#nft(['list', 'tables'], signal)).split('\n');
    const ranges: string[] = [];
    for (const line of tables) {
      const [, family, name] = /^table (\S+) (gilliam_\S+)$/.exec(line.trim()) ?? [];
      if (family && name) ranges.push(...rangesIn(await this.#nft(['list', 'table', family, name], signal)));
    }
    return ranges;
  }

  async #nft(args: readonly string[], signal?: AbortSignal): Promise<string> {
    const nft = findProgram('nft', this.env);
    if (!nft) return '';
    const { code, stdout } = await this.run(nft, args, { env: this.env }, signal);
    return code === 0 ? stdout : '';
  }
}
