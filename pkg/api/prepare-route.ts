import { InvalidError } from '../base/errors';
import { routes, type Route } from '../resource/objects';
import { formatBytes } from '../resource/quantity';
import { checkLabels } from '../resource/validate-labels';
import { Violations } from '../resource/violations';
import { compileRoute } from '../routing/compile';
import type { CompiledRoute } from '../routing/types';
import type { ApiContext } from './api-context';
import { prepareTls } from './route-tls';

// A tenth of what one transaction of the store takes, certificates included.
const maxRouteBytes = 256 * 1024;

/** Checks all of the route; what it is with its certificate. Throws InvalidError. */
export async function prepareRoute(
  { clock }: Pick<ApiContext, 'clock'>,
  route: Route,
  before?: Route,
): Promise<CompiledRoute> {
  const found = new Violations();
  checkLabels('label', route.metadata.labels, 'route.metadata.labels', found);
  found.throwIfAny();
  const compiled = compileRoute(route);
  const { tls } = route.spec;
  const { host } = compiled;
  const now = new Date(clock.now());
  const complete =
    tls && host
      ? compileRoute({
          ...route,
          spec: { ...route.spec, tls: await prepareTls(tls, { host, now, before: before?.spec.tls }) },
        })
      : compiled;
  const bytes = routes.encode(complete.route).length;
  if (bytes > maxRouteBytes) {
    throw new InvalidError(`the route is ${formatBytes(bytes)}: the limit is ${formatBytes(maxRouteBytes)}`);
  }
  return complete;
}
