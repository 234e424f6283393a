import { InvalidError, messageOf } from '../base/errors';
import { Metadata } from '../gen/gilliam/v1/metadata';
import type { Route } from '../gen/gilliam/v1/route';
import { RouteTls } from '../gen/gilliam/v1/route';
import { isLabel, LABEL_RULE } from '../resource/names';
import { suggestion } from '../resource/suggest';
import { compileRoute } from '../routing/compile';
import { routeNameOf } from '../routing/route-name';
import type { Template } from '../routing/types';
import type { Faults } from './faults';
import type { Manifest } from './manifest';
import type { Path } from './path';
import type { ManifestRoute } from './route-schema';

/** The formation that routes are of, and what it has. */
interface Home {
  /** Empty where it is not known yet. */
  readonly formation: string;
  readonly services: readonly string[];
  readonly readFile?: ReadFile;
}

/** The text of a file that the manifest names. Throws what is wrong with it, to be told behind its path. */
export type ReadFile = (path: string) => string;

/** The routes of a manifest with their names, patterns and targets checked. */
export function desiredRoutes({ routes = [] }: Manifest, home: Home, found: Faults): Route[] {
  const taken = new Set(routes.flatMap(({ name }) => name ?? []));
  return routes.map((route) => {
    const name = route.name ?? routeNameOf(route.key, taken);
    taken.add(name);
    if (!isLabel(name)) found.add(['routes', route.key], `is not allowed as a name: ${LABEL_RULE}`);
    const target = fullTarget(route.spec.target, home.formation);
    const tls = route.tls && certificateOf(route, home, found);
    const spec = { ...route.spec, target, ...(tls && { tls }) };
    const metadata = Metadata.fromPartial({ formation: home.formation, name });
    const made: Route = { metadata, spec };
    checkRoute(route, made, home, found);
    return made;
  });
}

function certificateOf({ key, tls }: ManifestRoute, { readFile }: Home, found: Faults): RouteTls {
  const read = (part: 'certificate' | 'key'): string => {
    try {
      return readFile?.(tls?.[part] ?? '') ?? '';
    } catch (error) {
      found.say(['routes', key, 'tls', part], `routes: ${part} of ${key}: ${messageOf(error)}`);
      return '';
    }
  };
  return RouteTls.fromPartial({ certificate: read('certificate'), privateKey: read('key') });
}

function checkRoute(given: ManifestRoute, made: Route, home: Home, found: Faults): void {
  const { metadata, spec } = made;
  if (!metadata || !spec) return;
  try {
    const { target } = compileRoute({ metadata: { ...metadata, formation: home.formation || 'x' }, spec });
    const service = only(target?.service);
    if (!target || service === undefined || only(target.formation) !== home.formation) return;
    if (home.services.includes(service)) return;
    found.add(
      pathOf(given, 'target'),
      `leads to ${service}, which this formation does not have: ${suggestion(service, home.services)}`,
    );
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    for (const { field, description } of error.violations) {
      const key = field.replace(/^route\.spec\./, '');
      const path = pathOf(given, key.replace(/[.[].*$/, ''));
      // Of a pattern that is a key, the key's own place is told.
      const column = path.length === 2 ? undefined : /^[\w.]+, column (\d+):/.exec(description)?.[1];
      found.say(path, `routes: ${description}`, column === undefined ? undefined : Number(column));
    }
  }
}

/** Where a part of the route stands in the file; a pattern may be the key itself, and a target its value. */
function pathOf({ key, name }: ManifestRoute, part: string): Path {
  return name === undefined && part === 'pattern' ? ['routes', key] : ['routes', key, part];
}

/** `web/x` → `web.shop.service/x`: inside of a formation, its services have short names. */
function fullTarget(target: string, formation: string): string {
  const slash = target.indexOf('/');
  const [name, path] = slash < 0 ? [target, ''] : [target.slice(0, slash), target.slice(slash)];
  const short = /^(?:v[1-9]\d*\.|[1-9]\d*\.)?_?[a-z][-a-z0-9]*$/.test(name) && name !== '';
  return short && formation !== '' ? `${name}.${formation}.service${path}` : target;
}

/** The name that the template always gives; undefined where it has variables. */
function only(template: Template | undefined): string | undefined {
  const [first] = template ?? [];
  return template?.length === 1 && first?.kind === 'text' ? first.text : undefined;
}
