import type { Client } from '../../../pkg/client/client';
import { type Route, type RouteSpec, ValueMatch } from '../../../pkg/gen/gilliam/v1/route';
import { listAll } from './list-all';
import type { RouteRequest } from './route-spec';

/** The routes of a formation, or with `formations/-` of all: in the order in which they are tried. */
export async function listRoutes(client: Client, parent: string, signal: AbortSignal): Promise<Route[]> {
  const { items } = await listAll(
    (pageToken) => client.routes.listRoutes({ parent, pageToken }, { signal }),
    ({ routes }) => routes,
  );
  return items;
}

/** What makes a route another one than those of the same pattern. */
export function sameMatch(left: RouteSpec, right: RouteRequest): boolean {
  return left.pattern === right.pattern && matchKey(left) === matchKey(right);
}

function matchKey({ methods = [], headers = [], query = [] }: Partial<RouteRequest>): string {
  const sorted = (matches: readonly unknown[], ofHeaders: boolean) =>
    matches
      .map((match) => ValueMatch.fromPartial(match as Partial<ValueMatch>))
      .map(({ name, match }) => JSON.stringify([ofHeaders ? name.toLowerCase() : name, match]))
      .sort();
  return JSON.stringify([[...methods].sort(), sorted(headers, true), sorted(query, false)]);
}
