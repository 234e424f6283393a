import { distance } from 'fastest-levenshtein';
import { matchesHost, matchesPath } from '../routing/match';
import type { CompiledRoute, Part, Pattern } from '../routing/types';

const most = 3;
/** More letters that are wrong are no slip: and what is far off is nobody's business. */
const mostFar = 3;
/** An answer to a mistake may not cost more than the request would have. */
const maxLooked = 500;
const maxChars = 128;

interface Asked {
  readonly method: string;
  readonly host: string;
  readonly path: string;
}

/** Which routes are nearest to a request that there is none for, or what those for its path ask for: a sentence. */
export function nearestRoutes(
  why: string,
  { method, host, path }: Asked,
  routes: readonly CompiledRoute[],
): string {
  const name = host.replace(/:\d+$/, '').toLowerCase().slice(0, maxChars);
  const ofPath = routesOfPath(name, path, routes.slice(0, maxLooked));
  if (ofPath.length > 0) return unmet(method, ofPath);
  const hosts = new Map(routes.slice(0, maxLooked).map((route) => [textOf(route.host), route]));
  const own = routes
    .slice(0, maxLooked)
    .filter((route) => route.host && new RegExp(route.host.regex).test(name));
  const asked = path.split('?')[0]?.slice(0, maxChars) ?? '';
  const names =
    own.length > 0
      ? nearest(asked, [...new Set(own.map((route) => textOf(route.path)))])
      : nearest(
          name,
          [...hosts.keys()].filter((one) => one !== ''),
        );
  return names.length === 0
    ? why
    : `${why}: nearest ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`;
}

function routesOfPath(host: string, path: string, routes: readonly CompiledRoute[]): CompiledRoute[] {
  const [asked = ''] = path.split('?');
  return routes.filter((route) => matchesHost(route, host) && matchesPath(route, asked));
}

/** Names no header and no value: whoever has to send them may be the only one to know them. */
function unmet(method: string, routes: readonly CompiledRoute[]): string {
  const taken = [...new Set(routes.flatMap(({ route }) => route.spec.methods))].sort();
  const everyone = routes.some(({ route }) => route.spec.methods.length === 0);
  return everyone || taken.includes(method)
    ? 'the routes for this path ask for another header or query'
    : `no route for this path takes the method ${method}: those that are taken are ${taken.join(', ')}`;
}

function nearest(asked: string, known: readonly string[]): string[] {
  return known
    .slice(0, maxLooked)
    .map((name) => ({ name, far: distance(name, asked) }))
    .filter(({ name, far }) => far <= Math.min(mostFar, Math.ceil(name.length / 2)))
    .sort((left, right) => left.far - right.far || (left.name < right.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
}

function textOf(pattern: Pattern | undefined): string {
  const text = (part: Part) => (part.kind === 'text' ? part.text : `{${part.name}}`);
  return pattern?.parts.map(text).join('') ?? '';
}
