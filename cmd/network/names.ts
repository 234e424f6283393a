import { join } from 'node:path';
import { messageOf, PreconditionError } from '../../pkg/base/errors';
import { DnsServer } from '../../pkg/dns/dns-server';
import { resolvConf } from '../../pkg/dns/resolv-conf';
import { isThisMachine } from '../../pkg/proxy/this-machine';
import type { RegistryNode } from '../../pkg/registry/node';
import type { Daemon } from '../../pkg/stage/daemon';
import { BridgeHairpin } from '../../pkg/virtualip/hairpin';
import { SystemNft } from '../../pkg/virtualip/nft';
import { tableName, VirtualIps } from '../../pkg/virtualip/virtual-ips';
import { whenThere } from './instance-address';

export interface NamesOptions {
  readonly registry: RegistryNode;
  readonly executor: string;
  /** Where instances reach this machine. */
  readonly address: string;
  readonly port: number;
}

/** Addresses of names, and the server that tells them. */
export interface Names {
  readonly virtualIps: VirtualIps;
  close(): Promise<void>;
}

/** Undefined where nftables is missing or refuses: names are then reached through the proxy only. */
export async function startNames(options: NamesOptions, daemon: Daemon): Promise<Names | undefined> {
  const { registry, executor, address, port } = options;
  const { clock, random, log, signal, setting } = daemon;
  const virtualIps = new VirtualIps({
    registry,
    executor,
    range: setting('GILLIAM_VIRTUAL_RANGE'),
    table: tableName(setting('GILLIAM_STAGE_KEY')),
    nft: new SystemNft({ clock }),
    file: join(setting('GILLIAM_DATA_DIR'), 'virtual-ips.json'),
    clock,
    log,
    dns: { address, port },
    hairpin: new BridgeHairpin({ address }),
  });
  try {
    await virtualIps.start();
  } catch (error) {
    if (!(error instanceof PreconditionError)) throw error;
    log.warn('no virtual IPs and no resolver: services are reached through the proxy only', {
      error: messageOf(error),
    });
    return undefined;
  }
  const dns = new DnsServer({
    ...{ registry, virtualIps, upstream: resolvConf(clock), clock, random, log },
    askerAt: (from) => registry.identify(from) ?? (isThisMachine(from) ? 'machine' : undefined),
  });
  await dns.listen([{ host: '127.0.0.1', port }]);
  await whenThere(() => dns.listen([{ host: address, port }]), { clock, log, signal });
  return {
    virtualIps,
    close: async () => {
      await dns.close();
      await virtualIps.close();
    },
  };
}
