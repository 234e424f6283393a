import type { RouteRequest } from './types';

/** A request that no route is asked about: the router answers it with 400. Regular expressions for both sides. */
export interface Refusal {
  /** Found in the path, or in the host: then the request is refused. The same to JavaScript and to PCRE. */
  readonly regex: string;
  readonly reason: string;
}

// What ends a segment to some server or other: matching would be by another path than the one that is served.
const separator = '(?:/|;|\\\\|%2[Ff]|%5[Cc])';
const dot = '(?:[.]|%2[Ee])';

export const refusedPaths: readonly Refusal[] = [
  { regex: '^[^/]', reason: 'the path does not begin with /' },
  { regex: '[^!-~]|[#"<>]', reason: 'the path has a character that has to be percent-encoded' },
  { regex: '%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)', reason: 'the path has a % without two hexadecimal digits' },
  { regex: '%(?:[01][0-9A-Fa-f]|7[Ff])', reason: 'the path has an encoded control character' },
  {
    regex: `${separator}${dot}${dot}?(?:${separator}|$)`,
    reason: 'the path has a segment . or ..: resolve it before sending',
  },
];

/** Of a host without its port. */
export const refusedHosts: readonly Refusal[] = [
  // Names, IPv4 addresses, IPv6 addresses in brackets. No host at all is one that no host of a pattern matches.
  {
    regex: '^[^[].*[^-.0-9A-Z_a-z]|^[^-.0-9A-Z_a-z[]|^\\[(?:.*[^\\]:.0-9A-Fa-f]|[^\\]]*$|.*\\].)',
    reason: 'the host is not a name or an address',
  },
];

/** Twice what a name may be: a host of so many characters, or more, is none. */
export const tooLongHost = 512;

const compiled = (refusals: readonly Refusal[]) =>
  refusals.map(({ regex, reason }) => ({ regex: new RegExp(regex), reason }));
const paths = compiled(refusedPaths);
const hosts = compiled(refusedHosts);

/** Why a path is refused; undefined when it is not. Paths are matched as they are sent, so what could be read in two ways is none. */
export function refusePath(path: string): string | undefined {
  return path === '' ? refusedPaths[0]?.reason : paths.find(({ regex }) => regex.test(path))?.reason;
}

/** Why the router answers the request with 400, whatever the routes are; undefined when it does not. */
export function refuseRequest(request: Pick<RouteRequest, 'host' | 'path'>): string | undefined {
  if (request.host.length >= tooLongHost) return refusedHosts[0]?.reason;
  const host = normaliseHost(request.host);
  return hosts.find(({ regex }) => regex.test(host))?.reason ?? refusePath(request.path);
}

/** In lower case, without port and final dots: `MyApp.com.:8080` → `myapp.com`. */
export function normaliseHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/:[0-9]*$/, '')
    .replace(/\.+$/, '');
}
