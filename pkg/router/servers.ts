import { createHash } from 'node:crypto';
import type { ReleaseWeight } from '../gen/gilliam/v1/route';
import { endpointsOf } from '../registry/endpoints';
import type { Endpoint, Entry, RegistryView, ServiceName } from '../registry/types';
import { trafficWeights } from './traffic-weights';
import { serverWeights } from './weights';

/** One line of a backend: an endpoint of its service. */
export interface Server {
  /** `<n>.<service>.<formation>:<release>:<hash>`: the same for the same address, on every router and after any restart. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
}

/** Where the addresses of hosts that are not IPv4 addresses come from; undefined for what is not known yet. */
export type AddressOf = (host: string) => string | undefined;

export interface ServersOptions {
  readonly registry: Pick<RegistryView, 'lookup'>;
  /** Where the router runs. */
  readonly executor: string;
  readonly addressOf: AddressOf;
}

/** The servers of a service, as the registry knows it now, in the order of their names. A route's own shares win. */
export function serversOf(
  name: ServiceName,
  shares: readonly ReleaseWeight[],
  { registry, executor, addressOf }: ServersOptions,
): readonly Server[] {
  const found = new Map<string, Endpoint>();
  for (const endpoint of endpointsOf(registry.lookup(name), { executor })) {
    const address = addressOf(endpoint.address);
    if (address === undefined || !mayLead(endpoint, address)) continue;
    const resolved = { ...endpoint, address };
    found.set(serverName(resolved), resolved);
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries = sorted.map(([, endpoint]) => endpoint.entry);
  const weights = shares.length > 0 ? serverWeights(entries.map(releaseOf), shares) : trafficWeights(entries);
  return sorted.map(([name, { address, port }], index) => ({
    name,
    address,
    port,
    weight: weights[index] as number,
  }));
}

/**
 * Only an agent knows that its machine is reached by loopback, on a stage of one machine. From others it would be a name
 * by which everybody outside reaches what only the machine's own processes are meant to.
 */
function mayLead({ entry }: Endpoint, address: string): boolean {
  return entry.source === 'agent' || !/^(?:0|127)\./.test(address);
}

/**
 * By what a server is known to HAProxy, to its log and to sticky clients. The endpoint's address is a resolved one: HAProxy
 * keeps the address of a server that it has, and drains look for the server by this name.
 */
export function serverName({ entry, address, port }: Endpoint): string {
  const hash = createHash('sha256').update(`${entry.origin} ${address} ${port}`).digest('hex').slice(0, 10);
  const { instance, service, formation } = entry;
  return `${instance}.${service}.${formation}:${releaseOf(entry) ?? '-'}:${hash}`.replace(/[^-\w.:]/g, '_');
}

function releaseOf({ body }: Entry): string | undefined {
  return typeof body.release === 'string' && /^v[0-9]{1,12}$/.test(body.release) ? body.release : undefined;
}
