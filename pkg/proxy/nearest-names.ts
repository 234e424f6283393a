import { distance } from 'fastest-levenshtein';
import { formatServiceName } from '../registry/service-name';
import type { RegistryView, ServiceName } from '../registry/types';

/** Names that are looked at: an answer to a mistake may not cost more than the request would have. */
const maxLooked = 2_000;

/** The known names that are most like one that is not known, the nearest first. */
export function nearestNames(
  registry: RegistryView,
  { service, formation }: ServiceName,
  count = 3,
): string[] {
  const own = registry.services(formation);
  const formations = own.length > 0 ? [formation] : registry.formations();
  const asked = formatServiceName({ service, formation });
  const names: string[] = [];
  for (const one of formations) {
    for (const known of one === formation ? own : registry.services(one)) {
      names.push(formatServiceName({ service: known, formation: one }));
    }
    if (names.length >= maxLooked) break;
  }
  return names
    .map((name) => ({ name, far: distance(name, asked) }))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}
