import { formatServiceName } from '../registry/service-name';
import type { CompiledRoute } from '../routing/types';
import { backendName } from './goals';
import { expandsService } from './match-table';
import { servicesOf } from './service-names';

// Each asks every request of the backend whether it is its own.
const maxTogether = 8;

/**
 * The backend of each route, by the route's id. Routes that ask for nothing but another path share that of their service:
 * its connections to instances serve all of them, and are in use often enough to be in a cache when a request needs one.
 */
export function backendsOfRoutes(routes: readonly CompiledRoute[]): ReadonlyMap<string, string> {
  const together = new Map<string, CompiledRoute[]>();
  for (const route of routes.filter(mayShare)) {
    const [service] = servicesOf(route, []);
    if (!service) continue;
    const name = formatServiceName(service);
    together.set(name, [...(together.get(name) ?? []), route]);
  }
  const names = new Map(routes.map((route) => [route.id, backendName(route)]));
  for (const [service, sharing] of together) {
    for (let at = 0; at < sharing.length; at += maxTogether) {
      const some = sharing.slice(at, at + maxTogether);
      if (some.length === 1) continue;
      // No name of a route's backend: those begin with that of a formation.
      const name = `:${service}${at > 0 ? `:${at / maxTogether + 1}` : ''}`;
      for (const { id } of some) names.set(id, name);
    }
  }
  return names;
}

function mayShare(route: CompiledRoute): boolean {
  const { weights, timeouts, retries, sticky, rateLimit } = route.route.spec;
  return (
    route.target !== undefined &&
    !expandsService(route) &&
    [weights, route.requestHeaders, route.responseHeaders].every(({ length }) => length === 0) &&
    [timeouts, retries, sticky, rateLimit].every((option) => option === undefined)
  );
}
