import { isGuarded } from './access';
import { servicePortsOf } from './endpoints';
import type { Entry, RegistryView } from './types';

/** Where auxiliary services are reached past their names: by addresses and ports. */
export interface GuardedPlaces {
  /** Addresses of containers on this executor. */
  readonly addresses: ReadonlySet<string>;
  /** Ports that this machine publishes, at any of its addresses. */
  readonly published: ReadonlySet<number>;
  /** `host:port` of other machines. */
  readonly elsewhere: ReadonlySet<string>;
}

/** All entries of auxiliary services that Gilliam runs. */
export function guardedEntries(
  view: Pick<RegistryView, 'formations' | 'services' | 'lookup'>,
): readonly Entry[] {
  return view.formations().flatMap((formation) =>
    view
      .services(formation)
      .filter((service) => service.startsWith('_'))
      .flatMap((service) => view.lookup({ formation, service }).filter(isGuarded)),
  );
}

/** The ports of its host that lead to an entry. */
export function publishedPortsOf(entry: Entry): readonly number[] {
  const { port, ports } = entry.body;
  const mapped = servicePortsOf(entry).map((own) => ports?.[own] ?? port);
  return [...new Set(mapped.filter((one) => one !== undefined))];
}

export function guardedPlaces(
  view: Pick<RegistryView, 'formations' | 'services' | 'lookup'>,
  executor: string,
): GuardedPlaces {
  const addresses = new Set<string>();
  const published = new Set<number>();
  const elsewhere = new Set<string>();
  for (const entry of guardedEntries(view)) {
    const { host, address } = entry.body;
    const here = entry.body.executor === executor;
    if (here && address !== undefined) addresses.add(address);
    for (const port of publishedPortsOf(entry)) {
      if (here) published.add(port);
      if (host !== undefined) elsewhere.add(`${host.toLowerCase()}:${port}`);
    }
  }
  return { addresses, published, elsewhere };
}
