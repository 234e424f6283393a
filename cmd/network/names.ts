import { join } from 'node:path';
import { messageOf, PreconditionError } from '../../pkg/base/errors';
import { DnsServer } from '../../pkg/dns/dns-server';
import { resolvConf } from '../../pkg/dns/resolv-conf';
import { SystemBpftool } from '../../pkg/kernel/bpftool';
import { cgroupRoot } from '../../pkg/kernel/cgroup-root';
import { machineAddresses } from '../../pkg/kernel/machine-addresses';
import { tableName } from '../../pkg/kernel/table-name';
import { isThisMachine } from '../../pkg/proxy/this-machine';
import type { RegistryNode } from '../../pkg/registry/node';
import type { TrafficLine } from '../../pkg/registry/traffic';
import type { Daemon } from '../../pkg/stage/daemon';
import { packageRoot } from '../../pkg/stage/package-root';
import { parseRange } from '../../pkg/virtualip/address-range';
import { bridgeOf } from '../../pkg/virtualip/bridge-of';
import { SystemConnections } from '../../pkg/virtualip/connections';
import { Guard } from '../../pkg/virtualip/guard';
import { BridgeHairpin } from '../../pkg/virtualip/hairpin';
import { SystemNft } from '../../pkg/virtualip/nft';
import { TranslatedConnections } from '../../pkg/virtualip/translated-connections';
import { Translation } from '../../pkg/virtualip/translation';
import { Translator } from '../../pkg/virtualip/translator';
import { VirtualIpTraffic } from '../../pkg/virtualip/virtual-ip-traffic';
import { VirtualIps } from '../../pkg/virtualip/virtual-ips';
import { whenThere } from './instance-address';

export interface NamesOptions {
  readonly registry: RegistryNode;
  readonly executor: string;
  /** Where instances reach this machine. */
  readonly address: string;
  readonly port: number;
  /** Ports of this machine, besides the resolver's, at which instances are known by their addresses. */
  readonly daemonPorts: readonly number[];
  /** Resolves once it may be known who is at an address. */
  readonly introduced: (address: string) => Promise<void>;
  /** Told why there are none. */
  readonly onNone: (reason: string) => void;
}

/** Addresses of names, and the server that tells them. */
export interface Names {
  readonly virtualIps: VirtualIps;
  readonly translation: Pick<Translation, 'status'>;
  /** Resolves when the kernel knows of those who were just told to be here, and soon in any case. */
  inStep(): Promise<void>;
  /** Connections through virtual IPs. */
  traffic(): readonly TrafficLine[];
  close(): Promise<void>;
}

/** Undefined where nftables is missing or refuses: names are then reached through the proxy only. */
export async function startNames(options: NamesOptions, daemon: Daemon): Promise<Names | undefined> {
  const { registry, executor, address, port, introduced } = options;
  const { clock, random, log, signal, setting } = daemon;
  const nft = new SystemNft({ clock });
  const table = tableName(setting('GILLIAM_STAGE_KEY'));
  const translation = await translationOf(table, daemon);
  const connections = new TranslatedConnections(new SystemConnections(), translation);
  const virtualIps = new VirtualIps({
    registry,
    executor,
    range: setting('GILLIAM_VIRTUAL_RANGE'),
    table,
    nft,
    file: join(setting('GILLIAM_DATA_DIR'), 'virtual-ips.json'),
    clock,
    log,
    dns: { address, port },
    hairpin: new BridgeHairpin({ address, links: () => instanceLinks(registry) }),
    connections,
    translation,
  });
  try {
    await virtualIps.start();
  } catch (error) {
    if (!(error instanceof PreconditionError)) throw error;
    options.onNone(messageOf(error));
    log.warn('no virtual IPs, no resolver and no guard of auxiliary services: all is left to the proxy', {
      error: messageOf(error),
    });
    return undefined;
  }
  const guard = await startGuard({ ...options, virtualIps, nft, table }, daemon);
  const traffic = new VirtualIpTraffic({
    ...{ registry, virtualIps, nft, table, clock, random, log, connections, translation },
  });
  traffic.start();
  const dns = new DnsServer({
    ...{ registry, virtualIps, upstream: resolvConf(clock), clock, random, log },
    askerAt: (from) => registry.identify(from) ?? (isThisMachine(from) ? 'machine' : undefined),
    introduced,
  });
  await dns.listen([{ host: '127.0.0.1', port }]);
  await whenThere(() => dns.listen([{ host: address, port }]), { clock, log, signal });
  return {
    virtualIps,
    translation,
    traffic: () => traffic.lines(),
    inStep: () => guard?.inStep() ?? Promise.resolve(),
    close: async () => {
      await dns.close();
      traffic.close();
      await guard?.close();
      await virtualIps.close();
    },
  };
}

/** Undefined where they cannot be seen, as of an engine in another machine's process space. */
function instanceLinks({ instances }: Pick<RegistryNode, 'instances'>): ReadonlySet<number> | undefined {
  const links = [...instances.values()].map(({ link }) => link);
  return links.includes(undefined) ? undefined : new Set(links.filter((link) => link !== undefined));
}

async function translationOf(table: string, { clock, log, setting }: Daemon): Promise<Translation> {
  const translator = new Translator({
    bpftool: new SystemBpftool({ clock }),
    object: join(packageRoot(), 'dist/translate.bpf.o'),
    pins: join('/sys/fs/bpf', table),
    cgroup: await cgroupRoot(),
    range: parseRange(setting('GILLIAM_VIRTUAL_RANGE')),
  });
  return new Translation({ translator, clock, log });
}

/** Undefined where the kernel has no such rules: names and proxy guard alone then. */
async function startGuard(
  options: NamesOptions & {
    readonly virtualIps: VirtualIps;
    readonly nft: SystemNft;
    readonly table: string;
  },
  { clock, log, setting }: Daemon,
): Promise<Guard | undefined> {
  const { registry, executor, address, port, daemonPorts, virtualIps, nft, table } = options;
  const guard = new Guard({
    ...{ registry, executor, table, virtualIps, nft, clock, log },
    // In order, as the same machine is to give the same rules.
    machineAddresses: () =>
      machineAddresses()
        .map(({ address }) => address)
        .toSorted(),
    range: parseRange(setting('GILLIAM_VIRTUAL_RANGE')).text,
    daemonPorts: [port, ...daemonPorts],
    bridge: () => bridgeOf(address),
  });
  try {
    await guard.start();
    return guard;
  } catch (error) {
    if (!(error instanceof PreconditionError)) throw error;
    log.warn(
      "auxiliary services are guarded by names and the proxy only: containers reach others' by address",
      {
        error: messageOf(error),
      },
    );
    return undefined;
  }
}
