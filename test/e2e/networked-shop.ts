import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Process } from '../../pkg/gen/gilliam/v1/release';
import { root } from './cli';
import { hostPorts } from './host';
import { HostsHarness } from './hosts';
import { Load, type LoadSettings } from './load';

const source = join(root, 'test/e2e/networked-app');

/** Host name of the route to `web`. */
export const routed = 'web.test';

/** Hosts with a formation `shop` on them: `web`, a redis `cache` at its usual port, `client`, and a route to `web`. */
export class NetworkedShop {
  private constructor(
    readonly hosts: HostsHarness,
    readonly cwd: string,
    /** All that is scaled up is of this release. */
    readonly release: string,
  ) {}

  static async open(): Promise<NetworkedShop> {
    let cwd = '';
    const deploy = async (harness: HostsHarness) => {
      const files = readdirSync(source).map((name) => [name, readFileSync(join(source, name), 'utf8')]);
      cwd = await harness.app('shop', Object.fromEntries(files) as Record<string, string>);
      await harness.succeed(['create', 'shop'], { cwd });
      const said = await harness.lines(['deploy'], { cwd, timeoutMs: 180_000 });
      return { cwd, release: said.at(-1)?.split(' ')[0] ?? '' };
    };
    const hosts = await HostsHarness.start({ deploy });
    try {
      const shop = new NetworkedShop(hosts, cwd, await atUsualPorts(hosts));
      await hosts.succeed(['route', `${routed}/`, 'web.shop.service'], { cwd });
      await shop.#fill();
      return shop;
    } catch (error) {
      const logs = await hosts.logs();
      await hosts.stop().catch(() => {});
      throw new Error(`the shop did not open\n${logs}`, { cause: error });
    }
  }

  close(): Promise<void> {
    return this.hosts.stop();
  }

  /** Runs as many on each host. A host that was not connected for a moment, as on a busy machine, is given nothing then. */
  async #fill(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.#scale('web=4', 'cache=1', 'client=2');
      const found = this.hosts.hosts.map(async (host) => {
        const [web, client] = await Promise.all([host.containers('web'), host.containers('client')]);
        return `web=${web.length} client=${client.length}`;
      });
      const spread = await Promise.all(found);
      if (spread.every((one) => one === 'web=2 client=1')) return;
      if (attempt === 3) throw new Error(`instances are not spread over the hosts: ${spread.join('; ')}`);
      await this.#scale('web=0', 'cache=0', 'client=0');
    }
  }

  async #scale(...factors: readonly string[]): Promise<void> {
    await this.hosts.succeed(['scale', this.release, ...factors, '--wait'], { cwd: this.cwd });
  }

  /** Of the router of a host. */
  router(host: number): string {
    return `http://${this.hosts.host(host).address}:${hostPorts.http}/`;
  }

  /** Runs a command in the client of a host; what it prints. */
  async client(host: number, command: readonly string[], input?: string): Promise<string> {
    return (await this.hosts.host(host).exec('client', command, input)).trim();
  }

  /** Who answers a program of the app that asks many times: `{'web.1': 5, …}`. */
  async answers(host: number, ...command: string[]): Promise<Readonly<Record<string, number>>> {
    return JSON.parse(await this.client(host, command)) as Record<string, number>;
  }

  /** Load on a service from the client of a host. */
  async loadFrom(host: number, settings: LoadSettings): Promise<Load> {
    const [docker, ...args] = await this.hosts.host(host).inside('client', 'node', 'load.js');
    return new Load([docker, ...args], settings);
  }

  /** Load on the router of a host, from outside. */
  loadRouter(host: number, settings: Partial<LoadSettings> = {}): Load {
    const at = [process.execPath, join(source, 'load.js')];
    return new Load(at, { url: this.router(host), headers: { host: routed }, ...settings });
  }
}

/** A Procfile has no words for ports: the release is made again with those that clients expect. */
async function atUsualPorts({ client }: HostsHarness): Promise<string> {
  const name = 'formations/shop/releases/v1';
  const { release } = await client.releases.getRelease({ name });
  const { web, cache, client: caller } = release?.spec?.processes ?? {};
  if (!release?.spec || !web || !cache || !caller) throw new Error('not what was deployed');
  const processes = {
    web,
    cache: Process.fromPartial({ ...cache, ports: [{ containerPort: 6379 }] }),
    client: caller,
  };
  const spec = { ...release.spec, processes };
  const made = await client.releases.createRelease({ parent: 'formations/shop', spec });
  return made.release?.metadata?.name ?? '';
}
