import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { UnavailableError } from '../base/errors';

/** Lets an instance that calls its own service be answered by itself. */
export interface Hairpin {
  /** For all instances that are there now. Never rejects. */
  allow(): Promise<void>;
}

export const noHairpin: Hairpin = { allow: async () => {} };

export interface BridgeHairpinOptions {
  /** The bridge's own address, by which it is found. */
  readonly address: string;
  /** Indexes of the interfaces that lead to instances: other containers are left as they are. Undefined: all of them. */
  readonly links?: () => ReadonlySet<number> | undefined;
  /** What comes before `ip` and its arguments. */
  readonly command?: readonly string[];
  /** Whether bridged packets pass through netfilter. Default: as the kernel says. */
  readonly bridged?: () => Promise<boolean>;
}

interface Link {
  readonly ifname?: string;
  readonly ifindex?: number;
  readonly master?: string;
  readonly linkinfo?: { readonly info_slave_data?: { readonly hairpin?: boolean } };
}

/**
 * With br_netfilter, an address is translated before a bridge decides where a frame goes: one that leads back to where
 * it came from is dropped unless its port is in hairpin mode. Without it, it takes the way through the machine's routing,
 * and nothing is to be done.
 */
export class BridgeHairpin implements Hairpin {
  readonly #address: string;
  readonly #links: () => ReadonlySet<number> | undefined;
  readonly #command: readonly string[];
  readonly #bridged: () => Promise<boolean>;

  constructor(options: BridgeHairpinOptions) {
    const { address, links = () => undefined, command = ['ip'], bridged = systemBridged } = options;
    this.#address = address;
    this.#links = links;
    this.#command = command;
    this.#bridged = bridged;
  }

  async allow(): Promise<void> {
    try {
      if (!(await this.#bridged())) return;
      const [bridge] = (await this.#ask(['addr', 'show', 'to', this.#address])).map(({ ifname }) => ifname);
      if (bridge === undefined) return;
      const ports = await this.#ask(['-d', 'link', 'show', 'master', bridge]);
      const links = this.#links();
      for (const { ifname, ifindex, linkinfo } of ports) {
        if (ifname === undefined || linkinfo?.info_slave_data?.hairpin !== false) continue;
        if (links && !links.has(ifindex ?? 0)) continue;
        // A container may be gone by now, and the others are not.
        await this.#run(['link', 'set', 'dev', ifname, 'type', 'bridge_slave', 'hairpin', 'on']).catch(
          () => {},
        );
      }
    } catch {
      // Without the program `ip`, only instances that call themselves are worse off.
    }
  }

  async #ask(args: readonly string[]): Promise<readonly Link[]> {
    return (JSON.parse((await this.#run(['-j', ...args])) || '[]') as Link[]).filter(({ ifname }) => ifname);
  }

  #run(args: readonly string[]): Promise<string> {
    const [program = 'ip', ...before] = this.#command;
    const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
    return new Promise((resolve, reject) => {
      const options = { env, timeout: 5000, maxBuffer: 16 << 20 };
      execFile(program, [...before, ...args], options, (error, stdout) => {
        if (error) reject(new UnavailableError(`${program} failed: ${error.message}`, { cause: error }));
        else resolve(stdout);
      });
    });
  }
}

async function systemBridged(): Promise<boolean> {
  const text = await readFile('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8').catch(() => '0');
  return text.trim() === '1';
}
