import { draftPattern, toPattern } from '../routing/pattern';
import type { CompiledRoute } from '../routing/types';
import { coversPrefix, END } from './capture';

/** What stands for any method that no route names. */
export const OTHERS = '*';

/**
 * What becomes `<` to make a path its directory: `/user<` of `/user/ada`, while `/user/` has no last segment and stays.
 * Where routes of one beginning differ by method, and by whether one more segment is there or anything, no expression is
 * needed: method and directory are looked up.
 */
export const lastSegment = '/[^/]+$';

/**
 * What method and directory decide at a prefix, as beginnings of `<method>|<directory>` to route: all of it for one more
 * segment, the method alone for whatever else; undefined where they cannot. `named` are the methods that any route
 * names: all other ones are the same.
 */
export function shapesAt(
  prefix: string,
  routes: readonly CompiledRoute[],
  named: readonly string[],
): ReadonlyMap<string, CompiledRoute> | undefined {
  const possible = routes.filter((route) => reachOf(prefix, route) !== 'nothing');
  if (!prefix.endsWith('/') || possible.some((route) => reachOf(prefix, route) === 'unknown'))
    return undefined;
  const leaf = `${prefix.slice(0, -1)}${END}`;
  const found = new Map<string, CompiledRoute>();
  for (const method of [...named, OTHERS]) {
    for (const shape of [leaf, '']) {
      const first = possible.find(
        (route) =>
          (route.route.spec.methods.length === 0 || route.route.spec.methods.includes(method)) &&
          (shape === leaf || reachOf(prefix, route) === 'all'),
      );
      if (first) found.set(`${method}|${shape}`, first);
    }
  }
  return found;
}

const sample = toPattern(draftPattern('/{segment}').path, false).parts[1];

/** What of all that begins with the prefix a route takes: all, one more segment, nothing; or it is not so simple. */
function reachOf(prefix: string, { path }: CompiledRoute): 'all' | 'leaf' | 'nothing' | 'unknown' {
  if (coversPrefix(path)) return 'all';
  const [first, second, third] = path.parts;
  const segment =
    first?.kind === 'text' &&
    second?.kind === 'variable' &&
    sample?.kind === 'variable' &&
    second.regex === sample.regex &&
    !third;
  if (!segment) return 'unknown';
  if (path.prefix === prefix) return 'leaf';
  return prefix.slice(path.prefix.length).includes('/') ? 'nothing' : 'unknown';
}
