import { isSharedWith } from '../registry/access';
import { servicePortsOf } from '../registry/endpoints';
import { guardedEntries, publishedPortsOf } from '../registry/guarded-places';
import type { Entry, EntryKey, Identity, RegistryView } from '../registry/types';
import { parseAddress } from './address-range';
import type { Target } from './ruleset';

/** An auxiliary service: where it is reached, and from where it may be. */
export interface GuardedService {
  /** `shop/_cache` */
  readonly name: string;
  /** Addresses of this machine's instances that may open connections to it. */
  readonly members: readonly string[];
  /** Of its own containers on this machine. */
  readonly addresses: readonly string[];
  /** Virtual ones of its names. */
  readonly virtual: readonly string[];
  /** Its ports at the containers' addresses. */
  readonly ports: readonly Target[];
  /** Ports that this machine publishes for it. */
  readonly published: readonly number[];
  /** On other machines. */
  readonly elsewhere: readonly Target[];
}

/** An instance's address, and the index of the interface that leads to it. */
export interface Seat {
  readonly address: string;
  readonly link: number;
}

/** What the guard's rules say. */
export interface GuardState {
  /** The addresses of all instances of this machine, as far as they are known. */
  readonly known: readonly string[];
  /** By which of the machine's interfaces those come of whom that is known. */
  readonly seats: readonly Seat[];
  readonly services: readonly GuardedService[];
}

export interface GuardView extends Pick<RegistryView, 'formations' | 'services' | 'lookup'> {
  /** By address of this machine's container network. */
  readonly instances: ReadonlyMap<string, Identity>;
}

interface Viewpoint {
  readonly executor: string;
  /** The IPv4 address of a host; undefined while it is not known. */
  readonly resolve: (host: string) => string | undefined;
  /** The virtual addresses of a service's names. */
  readonly virtual: (service: Pick<EntryKey, 'formation' | 'service'>) => readonly string[];
}

/**
 * All auxiliary services that are announced, and those whose containers run here and are not announced yet. The same
 * facts give the same state, whatever their order.
 */
export function guardState(view: GuardView, { executor, resolve, virtual }: Viewpoint): GuardState {
  const all = guardedEntries(view);
  const own = [...view.instances].filter(([, { service }]) => service.startsWith('_'));
  const names = new Set([...all.map(nameOf), ...own.map(([, identity]) => nameOf(identity))]);
  const services = [...names].sort().map((name): GuardedService => {
    const entries = all.filter((entry) => nameOf(entry) === name);
    const here = entries.filter(({ body }) => body.executor === executor);
    const identities = own.filter(([, identity]) => nameOf(identity) === name);
    const sharedWith = newest(entries)?.body.sharedWith ?? identities[0]?.[1].sharedWith;
    const [formation = '', service = ''] = name.split('/');
    const addresses = [...identities.map(([address]) => address), ...here.flatMap(addressOf)];
    return {
      name,
      members: [...view.instances]
        .filter(([, member]) => member.formation === formation || isSharedWith(sharedWith, member.formation))
        .map(([address]) => address)
        .sort(),
      addresses: unique(addresses),
      virtual: unique(virtual({ formation, service })),
      ports: targets(
        here.flatMap((entry) => addressOf(entry).flatMap((at) => portsAt(at, servicePortsOf(entry)))),
      ),
      published: [...new Set(here.flatMap(publishedPortsOf))].sort((a, b) => a - b),
      elsewhere: targets(
        entries
          .filter((entry) => !here.includes(entry))
          .flatMap((entry) => portsAt(resolve(entry.body.host ?? ''), publishedPortsOf(entry))),
      ),
    };
  });
  const known = unique([...view.instances.keys()]);
  const seats = known.flatMap((address) => {
    const link = view.instances.get(address)?.link;
    return link === undefined ? [] : [{ address, link }];
  });
  return { known, seats, services };
}

function nameOf({ formation, service }: { readonly formation: string; readonly service: string }): string {
  return `${formation}/${service}`;
}

/** What is said of a service is the same in all of its announcements, but for those that are not renewed yet. */
function newest(entries: readonly Entry[]): Entry | undefined {
  return entries.reduce<Entry | undefined>(
    (last, entry) => (last && last.version > entry.version ? last : entry),
    undefined,
  );
}

function addressOf({ body }: Entry): string[] {
  return body.address === undefined ? [] : [body.address];
}

function portsAt(address: string | undefined, ports: readonly number[]): Target[] {
  if (address === undefined || parseAddress(address) === undefined) return [];
  return ports.map((port) => ({ address, port }));
}

function unique(addresses: readonly string[]): string[] {
  return [...new Set(addresses)].filter((one) => parseAddress(one) !== undefined).sort();
}

function targets(all: readonly Target[]): Target[] {
  const byKey = new Map(all.map((target) => [`${target.address}:${target.port}`, target]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}
