import { endpointsOf, servicePortsOf } from '../registry/endpoints';
import type { Entry } from '../registry/types';
import { type AddressRange, isForwardable, parseAddress } from './address-range';
import type { Target, VirtualService } from './ruleset';

/** As whom, and by what, endpoints are seen. */
export interface Viewpoint {
  readonly executor: string;
  readonly range: AddressRange;
  /** The IPv4 address of a host; undefined while it is not known. */
  readonly resolve: (host: string) => string | undefined;
}

/** More of them would be no balance any more, but a table that takes seconds to load. */
const maxEndpoints = 1024;

/**
 * What is behind a name's virtual address: a service for each port that one of its entries has, and one at port 80 for
 * whoever names no port. By port, endpoints by address: the same entries give the same list, whatever their order.
 */
export function servicesOf(
  name: string,
  address: string,
  entries: readonly Entry[],
  viewpoint: Viewpoint,
): readonly VirtualService[] {
  const ports = new Set(entries.flatMap((entry) => servicePortsOf(entry)).filter(isPort));
  if (ports.size > 0) ports.add(80);
  return [...ports]
    .sort((a, b) => a - b)
    .map((port) => ({ name, address, port, endpoints: targetsOf(entries, port, viewpoint) }))
    .filter(({ endpoints }) => endpoints.length > 0);
}

/** Every place where connections to the entries may have gone, at whatever port. */
export function allTargetsOf(entries: readonly Entry[], viewpoint: Viewpoint): readonly Target[] {
  return servicesOf('', '', entries, viewpoint).flatMap(({ endpoints }) => endpoints);
}

/** The hosts that have to be resolved first. */
export function hostsOf(entries: readonly Entry[], executor: string): readonly string[] {
  return endpointsOf(entries, { executor })
    .map(({ address }) => address)
    .filter((host) => parseAddress(host) === undefined);
}

export function targetKey({ address, port }: Target): string {
  return `${address}:${port}`;
}

function targetsOf(entries: readonly Entry[], port: number, viewpoint: Viewpoint): readonly Target[] {
  const { executor, range, resolve } = viewpoint;
  const targets = new Map<string, Target>();
  for (const endpoint of endpointsOf(entries, { executor, port })) {
    const text = parseAddress(endpoint.address) === undefined ? resolve(endpoint.address) : endpoint.address;
    const number = text === undefined ? undefined : parseAddress(text);
    if (text === undefined || number === undefined) continue;
    if (!isForwardable(number, range) || !isPort(endpoint.port)) continue;
    const target = { address: text, port: endpoint.port };
    targets.set(targetKey(target), target);
  }
  return [...targets.values()]
    .sort((a, b) => (parseAddress(a.address) ?? 0) - (parseAddress(b.address) ?? 0) || a.port - b.port)
    .slice(0, maxEndpoints);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}
