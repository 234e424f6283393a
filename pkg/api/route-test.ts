import { InvalidError } from '../base/errors';
import type { TestRouteRequest } from '../gen/gilliam/v1/route_service';
import { quote } from '../resource/names';
import { explainMiss } from '../routing/explain';
import { matchRequest } from '../routing/match';
import type { CompiledRoute, RouteMatch, RouteRequest } from '../routing/types';

/** Which route takes the request, and what becomes of it. `match` is absent when none does. */
export interface TestResult {
  readonly match?: RouteMatch;
  readonly service: string;
  readonly path: string;
  readonly location: string;
  readonly reason: string;
  readonly nearest: string[];
}

export function testRoute(ordered: readonly CompiledRoute[], request: TestRouteRequest): TestResult {
  const asked = readRequest(request);
  const match = matchRequest(ordered, asked);
  const nothing = { service: '', path: '', location: '', reason: '', nearest: [] };
  if (!match) {
    const { reason, nearest } = explainMiss(ordered, asked);
    return { ...nothing, reason, nearest: [...nearest] };
  }
  const { upstream, location = '', refusal } = match;
  if (!upstream) {
    const reason = refusal ? `answered with ${refusal.status}: ${refusal.reason}` : '';
    return { ...nothing, match, location, reason };
  }
  const { service, formation, instance, release, path } = upstream;
  const which = instance ?? release;
  const name = `${which === undefined ? '' : `${which}.`}${service}.${formation}.service`;
  return { ...nothing, match, service: name, path };
}

// Not by the URL class: it resolves and encodes, and a path is matched as it is sent.
const form = /^(?:https?:\/\/)?([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/i;

function readRequest({ url, method, headers }: TestRouteRequest): RouteRequest {
  const found = form.exec(url);
  if (!found || url === '' || url.length > 16_384 || found[1]?.includes('@')) {
    const description = `url ${quote(url)} is not of the form http://host/path?query`;
    throw new InvalidError(description, [{ field: 'url', description }]);
  }
  const [, host = '', path = '', query] = found;
  const lower = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]),
  );
  return {
    method: method === '' ? 'GET' : method,
    host: host === '' ? (lower.host ?? '') : host,
    path: path === '' ? '/' : path,
    ...(query !== undefined && { query }),
    headers: lower,
  };
}
