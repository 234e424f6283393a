import { distance } from 'fastest-levenshtein';
import { type Asker, mayBeNamed } from '../registry/access';
import { formatServiceName } from '../registry/service-name';
import type { RegistryView, ServiceName } from '../registry/types';

/** Names that are looked at: an answer to a mistake may not cost more than the request would have. */
const maxLooked = 2_000;

/** How many are offered. */
const count = 3;

/**
 * The names that are most like one that is not known and that the asker may use, the nearest first. Of those that somebody
 * answers at, or that wake: what was withdrawn is known for a while after, and is not to be found again.
 */
export function nearestNames(
  registry: RegistryView,
  { service, formation }: ServiceName,
  asker: Asker,
  wakes: (name: ServiceName) => boolean,
): string[] {
  let looked = 0;
  const isThere = (name: ServiceName): boolean => {
    const entries = registry.lookup(name);
    return (entries.length > 0 || wakes(name)) && mayBeNamed(asker, name, entries);
  };
  const thereIn = (one: string): string[] => {
    const known = registry.services(one).map((name) => ({ service: name, formation: one }));
    looked += known.length;
    return known.filter(isThere).map(formatServiceName);
  };
  const names = thereIn(formation);
  for (const one of names.length > 0 ? [] : registry.formations()) {
    if (looked >= maxLooked) break;
    names.push(...thereIn(one));
  }
  const asked = formatServiceName({ service, formation });
  return names
    .map((name) => ({ name, far: distance(name, asked) }))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}
