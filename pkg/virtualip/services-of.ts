import { endpointsOf, servicePortsOf } from '../registry/endpoints';
import type { Entry } from '../registry/types';
import { type AddressRange, isForwardable, parseAddress } from './address-range';
import type { Target, VirtualService } from './ruleset';
import { turnsOf } from './turns';

/** As whom, and by what, endpoints are seen. */
export interface Viewpoint {
  readonly executor: string;
  readonly range: AddressRange;
  /** The IPv4 address of a host; undefined while it is not known. */
  readonly resolve: (host: string) => string | undefined;
}

/** More of them would be no balance any more, but a table that takes seconds to load. */
const maxEndpoints = 1024;
/** Entries of one name may each have ports of their own: no service has so many, and each is a chain. */
const maxPorts = 256;
/** Entries that have no such port are reached there by their first one. */
const usualPorts: ReadonlySet<number> = new Set([80, 443]);

/**
 * What is behind a name's virtual address: a service for each port that one of its entries has, and one at port 80 for
 * whoever names no port. By port, endpoints by address: the same entries give the same list, whatever their order. Of too
 * many ports those of instances are kept, and the lowest.
 */
export function servicesOf(
  name: string,
  address: string,
  entries: readonly Entry[],
  viewpoint: Viewpoint,
): readonly VirtualService[] {
  const byPort = entriesByPort(entries);
  if (byPort.size === 0) return [];
  return keptPorts(byPort)
    .sort((a, b) => a - b)
    .map((port) => {
      const having = usualPorts.has(port) ? entries : (byPort.get(port) ?? []);
      const places = placesOf(having, port, viewpoint);
      const turns = turnsOf(places.map(({ entry }) => entry));
      return { name, address, port, endpoints: places.map(({ target }) => target), ...(turns && { turns }) };
    })
    .filter(({ endpoints }) => endpoints.length > 0);
}

function entriesByPort(entries: readonly Entry[]): ReadonlyMap<number, readonly Entry[]> {
  const byPort = new Map<number, Entry[]>();
  for (const entry of entries) {
    for (const port of servicePortsOf(entry).filter(isPort)) {
      const having = byPort.get(port);
      if (having) having.push(entry);
      else byPort.set(port, [entry]);
    }
  }
  return byPort;
}

function keptPorts(byPort: ReadonlyMap<number, readonly Entry[]>): number[] {
  const isInstances = (port: number) => byPort.get(port)?.some(({ source }) => source === 'agent') ?? false;
  const others = [...byPort.keys()].filter((port) => port !== 80);
  const ranked = others.map((port) => ({ port, rank: isInstances(port) ? 0 : 1 }));
  ranked.sort((a, b) => a.rank - b.rank || a.port - b.port);
  return [80, ...ranked.slice(0, maxPorts - 1).map(({ port }) => port)];
}

/** Every place where connections to the entries may have gone, at whatever port. */
export function allTargetsOf(entries: readonly Entry[], viewpoint: Viewpoint): readonly Target[] {
  return entries.flatMap((entry) =>
    servicePortsOf(entry).flatMap((port) => placesOf([entry], port, viewpoint).map(({ target }) => target)),
  );
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

interface TargetPlace {
  readonly target: Target;
  readonly entry: Entry;
}

/** Where the entries are reached at a port, by address; each place once. */
function placesOf(entries: readonly Entry[], port: number, viewpoint: Viewpoint): readonly TargetPlace[] {
  const { executor, range, resolve } = viewpoint;
  const places = new Map<string, TargetPlace>();
  for (const endpoint of endpointsOf(entries, { executor, port })) {
    const text = parseAddress(endpoint.address) === undefined ? resolve(endpoint.address) : endpoint.address;
    const number = text === undefined ? undefined : parseAddress(text);
    if (text === undefined || number === undefined) continue;
    if (!isForwardable(number, range) || !isPort(endpoint.port)) continue;
    const target = { address: text, port: endpoint.port };
    places.set(targetKey(target), { target, entry: endpoint.entry });
  }
  return [...places.values()]
    .sort(
      ({ target: a }, { target: b }) =>
        (parseAddress(a.address) ?? 0) - (parseAddress(b.address) ?? 0) || a.port - b.port,
    )
    .slice(0, maxEndpoints);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}
