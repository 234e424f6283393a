import type { HeaderChange, Route, RouteSpec } from '../../../pkg/gen/gilliam/v1/route';
import { HeaderChange_Action } from '../../../pkg/gen/gilliam/v1/route';
import type { RouterPorts } from '../../../pkg/stage/ports';
import { formatDuration } from './duration';
import { splitPattern } from './route-text';
import { formatMatch } from './value-match';

export const routeHeading = ['NAME', 'PATTERN', 'TARGET', 'STATE', 'ONLY', 'OPTIONS'];

/** One row of `gilliam routes`. @param state of the service that it leads to, where that is known */
export function routeCells(route: Route, state = '-'): string[] {
  const { spec } = route;
  if (!spec) return [route.metadata?.name ?? '', '-', '-', state, '-', '-'];
  return [
    route.metadata?.name ?? '',
    spec.pattern,
    destination(spec),
    state,
    matches(spec).join(', ') || '-',
    options(spec).join(', ') || '-',
  ];
}

/** Where it leads: a target, or a redirect. */
export function destination({ target, redirect }: RouteSpec): string {
  return redirect ? `${redirect.code || 302} ${redirect.location}` : target;
}

function matches({ methods, headers, query }: RouteSpec): string[] {
  return [
    ...(methods.length > 0 ? [methods.join('|')] : []),
    ...headers.map((match) => formatMatch(match, ': ')),
    ...query.map((match) => `?${formatMatch(match, '=')}`),
  ];
}

function options(spec: RouteSpec): string[] {
  const { weights, timeouts, retries, sticky, rateLimit, tls, requestHeaders, responseHeaders } = spec;
  return [
    ...(weights.length > 0 ? [weights.map(({ release, weight }) => `${release}=${weight}`).join(' ')] : []),
    ...requestHeaders.map((change) => changed('request', change)),
    ...responseHeaders.map((change) => changed('response', change)),
    ...(timeouts?.responseMs ? [`timeout ${formatDuration(timeouts.responseMs)}`] : []),
    ...(timeouts?.idleMs ? [`idle ${formatDuration(timeouts.idleMs)}`] : []),
    ...(retries === undefined ? [] : [`retries ${retries}`]),
    ...(sticky ? [`sticky ${sticky.cookie || 'gilliam'}`] : []),
    ...(rateLimit ? [`at most ${rateLimit.requests} in ${formatDuration(rateLimit.periodMs || 1000)}`] : []),
    ...(tls ? [tls.development ? 'tls dev' : 'tls'] : []),
  ];
}

const actions: Readonly<Record<HeaderChange_Action, string>> = {
  [HeaderChange_Action.SET]: '=',
  [HeaderChange_Action.ADD]: '+',
  [HeaderChange_Action.REMOVE]: '-',
  [HeaderChange_Action.UNSPECIFIED]: '?',
  [HeaderChange_Action.UNRECOGNIZED]: '?',
};

function changed(of: string, { action, name }: HeaderChange): string {
  return `${of} ${actions[action]}${name}`;
}

/**
 * A URL that the route answers on this machine. Undefined where it depends on variables; one at the end that may be
 * empty is.
 */
export function routeUrl({ pattern, tls }: RouteSpec, ports: RouterPorts): string | undefined {
  const { host, path } = splitPattern(pattern);
  const [, fixed = '', variables = ''] = /^([^{]*)(.*)$/s.exec(path || '/') ?? [];
  if (host.includes('{') || !/^(?:\{[^:{}]*:\.\*\})?$/.test(variables)) return undefined;
  const [scheme, port, usual] = tls
    ? (['https', ports.https, 443] as const)
    : (['http', ports.http, 80] as const);
  return `${scheme}://${host || 'localhost'}${port === usual ? '' : `:${port}`}${fixed}`;
}
