import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseDocument } from 'yaml';
import { Route as RouteMessage } from '../gen/gilliam/v1/route';
import type { Route } from '../resource/objects';
import { matchRequest } from '../routing/match';
import { refuseRequest } from '../routing/request';
import type { CompiledRoute, RouteRequest } from '../routing/types';

/** What is to become of a request. */
export interface Expected {
  /** `<formation>/<name>`; absent where none matches. */
  readonly route?: string;
  /** `web.shop.service`, `v2.web.shop.service`. */
  readonly service?: string;
  /** The upstream request's path and query. */
  readonly path?: string;
  readonly location?: string;
  /** Of what the router answers by itself: 400, 404, or that of a redirect. */
  readonly status?: number;
}

export interface RoutingCase {
  readonly says?: string;
  /** `GET http://MyApp.com:8080/user/ada?x=1`, as it is sent. */
  readonly request: RouteRequest;
  readonly expect: Expected;
}

/** A table of routes, and what becomes of requests with it. */
export interface RoutingFile {
  /** The file's name without its ending. */
  readonly name: string;
  readonly routes: readonly Route[];
  readonly cases: readonly RoutingCase[];
}

interface WrittenFile {
  routes: { name: string; formation?: string; created?: string; [spec: string]: unknown }[];
  cases: {
    says?: string;
    request: { method?: string; host?: string; path: string; headers?: Record<string, string> };
    expect?: Expected;
  }[];
}

const directory = join(__dirname, '../routing/testdata');

/** All tables of pkg/routing/testdata: what the router must do, whoever does it. */
export function routingFiles(): readonly RoutingFile[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const { routes, cases } = read(file);
      return {
        name: file.replace(/\.yaml$/, ''),
        routes: routes.map(routeOf),
        cases: cases.map(({ says, request, expect = {} }) => ({ says, request: requestOf(request), expect })),
      };
    });
}

/** Writes what becomes of the requests into the file, in place of what was expected. */
export function updateRoutingFile(name: string, actual: readonly Expected[]): void {
  const path = join(directory, `${name}.yaml`);
  const document = parseDocument(readFileSync(path, 'utf8'));
  actual.forEach((expected, index) => document.setIn(['cases', index, 'expect'], expected));
  writeFileSync(path, document.toString({ lineWidth: 110, singleQuote: true }));
}

/** What matchRequest says becomes of the request. */
export function outcomeOf(ordered: readonly CompiledRoute[], request: RouteRequest): Expected {
  if (refuseRequest(request) !== undefined) return { status: 400 };
  const match = matchRequest(ordered, request);
  if (!match) return { status: 404 };
  const { compiled, upstream, location, refusal } = match;
  const route = compiled.id;
  if (refusal) return { route, status: refusal.status };
  if (location !== undefined) return { route, location, status: compiled.redirect?.code };
  const { service, formation, instance, release, path } = upstream ?? {};
  const qualifier = instance ?? release;
  return { route, service: `${qualifier ? `${qualifier}.` : ''}${service}.${formation}.service`, path };
}

function read(file: string): WrittenFile {
  return parse(readFileSync(join(directory, file), 'utf8')) as WrittenFile;
}

function routeOf({ name, formation = 'shop', created, ...spec }: WrittenFile['routes'][number]): Route {
  const message = RouteMessage.fromPartial({ spec: spec as unknown as NonNullable<RouteMessage['spec']> });
  return {
    metadata: {
      name,
      formation,
      uid: name,
      generation: 1n,
      revision: 1n,
      labels: {},
      created: new Date(created ?? 0),
    },
    spec: message.spec as Route['spec'],
  };
}

function requestOf({
  method = 'GET',
  host = 'myapp.com',
  path,
  headers = {},
}: WrittenFile['cases'][number]['request']): RouteRequest {
  const at = path.indexOf('?');
  return {
    method,
    host,
    path: at < 0 ? path : path.slice(0, at),
    ...(at >= 0 && { query: path.slice(at + 1) }),
    headers,
  };
}
