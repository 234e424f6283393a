import type { Endpoint, Entry } from './types';

export interface EndpointsOptions {
  /** Where they are to be reached from. */
  readonly executor: string;
  /** The service's port that the caller names: 8080 of `web.shop.service:8080`. */
  readonly port?: number;
}

/** What a caller writes, or his library for him, who means no port in particular. */
const usualPorts: ReadonlySet<number> = new Set([80, 443]);

/**
 * Where the entries can be reached from an executor, in their order. An instance on the same executor is reached by its
 * own address at the service's port, any other by its host at the port that is mapped there. Without a port, or at 80 or
 * 443 where the service has no such port, the first one is meant. An entry without an address or that port is left out.
 */
export function endpointsOf(entries: readonly Entry[], options: EndpointsOptions): readonly Endpoint[] {
  return entries.flatMap((entry) => endpointOf(entry, options) ?? []);
}

/** All ports of an entry at the service's name, the first one first. */
export function servicePortsOf(entry: Entry): readonly number[] {
  const { port, ports } = entry.body;
  const declared = Object.entries(ports ?? {});
  // JSON keeps no order of numeric names: the first port is the one that `port` is the mapping of.
  const first = declared.findIndex(([, mapped]) => mapped === port);
  if (first > 0) declared.unshift(...declared.splice(first, 1));
  if (declared.length > 0) return declared.map(([name]) => Number(name));
  return port === undefined ? [] : [port];
}

function endpointOf(entry: Entry, { executor, port }: EndpointsOptions): Endpoint | undefined {
  const { host, address, ports, executor: runsOn } = entry.body;
  const known = servicePortsOf(entry);
  const [first] = known;
  const servicePort =
    port === undefined || (usualPorts.has(port) && !known.includes(port))
      ? first
      : known.find((one) => one === port);
  if (servicePort === undefined) return undefined;
  // Only an agent knows what an address of a container network stands for.
  if (entry.source === 'agent' && address !== undefined && runsOn === executor) {
    return { entry, address, port: servicePort, servicePort };
  }
  const mapped = ports?.[servicePort] ?? entry.body.port;
  return host === undefined || mapped === undefined
    ? undefined
    : { entry, address: host, port: mapped, servicePort };
}
