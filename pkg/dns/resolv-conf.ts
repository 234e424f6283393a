import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock';

/** A DNS server. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** Who is asked for what is not ours, best first. */
export type Upstreams = () => readonly Upstream[];

/** As many as the C library takes. */
const maxServers = 3;

/** The servers of a resolv.conf(5). */
export function parseResolvConf(text: string): readonly Upstream[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [, host = ''] = /^nameserver\s+(\S+)/.exec(line.trim()) ?? [];
      // `fe80::1%eth0` is one, too.
      return isIP(host.split('%')[0] as string) > 0 ? [{ host, port: 53 }] : [];
    })
    .slice(0, maxServers);
}

/** The machine's servers: read again now and then, since networks change. What was read last holds while it cannot be. */
export function resolvConf(clock: Clock, file = '/etc/resolv.conf', refreshMs = 5000): Upstreams {
  let servers: readonly Upstream[] = [];
  let readMs = -Infinity;
  return () => {
    if (clock.monotonic() - readMs < refreshMs) return servers;
    readMs = clock.monotonic();
    try {
      servers = parseResolvConf(readFileSync(file, 'utf8'));
    } catch {
      // As before.
    }
    return servers;
  };
}
