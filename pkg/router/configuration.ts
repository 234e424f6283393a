import type { CompiledRoute } from '../routing/types';
import type { Backend } from './backend';
import { backendText, rateTableText } from './backend';
import { certificatesOf } from './certificates';
import { frontendText, refusedMap, unknownText } from './frontend';
import { BackendNumbers, backendName, goalOf } from './goals';
import { buildMatchTable, EXPANDS, expandsService } from './match-table';
import type { MatchTable } from './match-table';
import { mapKey, word } from './quote';
import type { Server } from './servers';
import type { Service } from './service-names';
import { serviceKey, servicesOf } from './service-names';
import type { Settings } from './settings';
import { backendsOfRoutes } from './shared-backends';

/** Files by their names below the directory of a generation. */
export type Files = ReadonlyMap<string, string>;

/** All that does not change as endpoints come and go. */
export interface Structure {
  readonly files: Files;
  /** By the service that they lead to: `web.shop`. */
  readonly backends: ReadonlyMap<string, readonly Backend[]>;
  /** Domains for which there are certificates: files to write with the rights of secrets. */
  readonly certificates: Files;
}

/** Where files of HAProxy's configuration are: it reads them in the order of their names. */
export const configurationDirectory = 'conf';

/** Compiles routes, most specific first, and the services that are known to the registry. */
export function compileStructure(
  ordered: readonly CompiledRoute[],
  known: readonly Service[],
  settings: Settings,
  held: ReadonlySet<string> = new Set(),
): Structure {
  const names = backendsOfRoutes(ordered);
  const numbers = new BackendNumbers();
  const table = buildMatchTable(ordered, (route) => goalOf(numbers.of(names.get(route.id) as string), route));
  const { hold } = settings;
  const all = allBackends(ordered, known, names, table).map((one): Backend => {
    const backend = { ...one, number: numbers.of(one.name) };
    return one.service && held.has(serviceKey(one.service)) ? { ...backend, hold } : backend;
  });
  const backends = new Map<string, Backend[]>();
  for (const backend of all) {
    if (!backend.service) continue;
    const key = serviceKey(backend.service);
    backends.set(key, [...(backends.get(key) ?? []), backend]);
  }
  const redirects = all.filter(({ service }) => !service).map((backend) => backendText(backend, []));
  const tls = certificatesOf(ordered);
  const files = new Map([
    [`${configurationDirectory}/00-gilliam.cfg`, frontText(table, settings, all)],
    [`${configurationDirectory}/10-routes.cfg`, [...ordered.map(rateTableText), ...redirects].join('')],
    ...mapFiles(table, all),
    ['certificates.list', tls.list],
  ]);
  return { files, backends, certificates: tls.files };
}

/** The file with all backends of a service. */
export function serviceFile(service: string): string {
  return `${configurationDirectory}/50-${service}.cfg`;
}

export function serviceText(
  backends: readonly Backend[],
  serversIn: (backend: Backend) => readonly Server[],
): string {
  return backends.map((backend) => backendText(backend, serversIn(backend))).join('');
}

function allBackends(
  ordered: readonly CompiledRoute[],
  known: readonly Service[],
  names: ReadonlyMap<string, string>,
  { unverified }: MatchTable,
): Omit<Backend, 'number'>[] {
  const found = new Map<string, Omit<Backend, 'number'>>();
  for (const route of ordered) {
    const name = names.get(route.id) as string;
    const first = found.get(name);
    if (first) found.set(name, { ...first, routes: [...first.routes, route] });
    else if (!route.target) found.set(name, { name, routes: [route], unverified });
    else {
      for (const service of servicesOf(route, known)) {
        const own = expandsService(route) ? `${name}:${serviceKey(service)}` : name;
        found.set(own, { name: own, routes: [route], service, unverified });
      }
    }
  }
  return [...found.values()];
}

function mapFiles(table: MatchTable, all: readonly Backend[]): [string, string][] {
  const lines = (entries: Iterable<readonly [string, string]>) =>
    [...entries].map(([key, value]) => `${key} ${value}\n`).join('');
  const services = all.flatMap(({ number, routes: [route], service }): [string, string][] =>
    service && expandsService(route)
      ? [[`${backendName(route)}${EXPANDS}${serviceKey(service)}`, goalOf(number, route)]]
      : [],
  );
  const shards = Array.from({ length: table.shards }, (_, shard): [string, string] => {
    const groups = table.groups.filter((group) => group.shard === shard);
    const candidates = groups.flatMap((group) => group.candidates);
    return [`group-${shard}.map`, lines(candidates.map(({ regex, to }) => [mapKey(regex), to]))];
  });
  return [
    ['refused.map', refusedMap()],
    ['hosts.map', lines(table.hosts)],
    ['wildcards.map', lines(table.wildcards)],
    ['expressions.map', lines(table.expressions.map(({ regex, to }) => [regex, to]))],
    ['prefixes.map', lines(table.prefixes)],
    ['choices.map', lines(table.choices)],
    ['methods.map', lines(table.methods.map((method) => [method, method]))],
    ['services.map', lines(services)],
    ...shards,
  ];
}

/**
 * Up to which share of the open files that it may have HAProxy keeps idle connections to instances, in percent. Beyond,
 * every request opens one of its own: by itself at a fifth, which routes to some hundred services reach. Where they are
 * needed for clients, idle ones are closed first.
 */
const idleShare = 60;

/** All but the backends of routes, which take up the last defaults there are. */
function frontText(table: MatchTable, settings: Settings, all: readonly Backend[]): string {
  const defaults = defaultsText(settings);
  const front = frontendText(table, settings) + unknownText(settings);
  if (all.every(({ hold }) => hold === undefined)) return globalText(settings) + defaults + front;
  // Whether a client has gone while its request is held is seen only by a frontend that looks.
  return `${globalText(settings)}${defaults}  option abortonclose\n\n${front}${defaults}`;
}

function globalText({ socket, maxConnections, times, user, group }: Settings): string {
  return `global
  default-path parent
  maxconn ${maxConnections}
  log stdout len 8192 format raw local0 info
  hard-stop-after ${times.hardStopMs}ms
  stats socket ${word(socket)} mode 600 level admin expose-fd listeners
  stats timeout 1h
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  tune.ssl.default-dh-param 2048
  tune.ssl.cachesize 20000
  tune.pool-low-fd-ratio ${idleShare}
  tune.pool-high-fd-ratio ${idleShare + 10}
  tune.pattern.cache-size 0
  profiling.tasks off
${user === undefined ? '' : `  user ${user}\n`}${group === undefined ? '' : `  group ${group}\n`}
`;
}

function defaultsText({ times }: Settings): string {
  return `defaults
  mode http
  option redispatch 1
  option dontlognull
  retries 2
  retry-on conn-failure
  timeout connect ${times.connectMs}ms
  timeout client ${times.clientMs}ms
  timeout server 60000ms
  timeout tunnel 3600000ms
  timeout client-fin 10000ms
  timeout http-request ${times.requestMs}ms
  timeout http-keep-alive ${times.keepAliveMs}ms
  timeout queue 5000ms
${errorFiles}
`;
}

const reasons = {
  400: 'Bad Request: the request is not one of HTTP',
  408: 'Request Time-out: the request did not come to its end in time',
  502: 'Bad Gateway: the instance closed the connection or did not answer in HTTP',
  503: 'Service Unavailable: no instance could be connected to',
  // HAProxy waits for the instance, whoever it is that has fallen silent. Texts only: expressions in defaults crash 2.6.
  504: 'Gateway Time-out: the instance did not answer in time, or the client did not send all of its body',
} as const;

const errorFiles = Object.entries(reasons)
  .map(([status, text]) => {
    const said = text.slice(text.indexOf(': ') + 2);
    const more = status === '503' ? ' hdr Retry-After 1' : '';
    return `  http-error status ${status} content-type text/plain${more} hdr X-Gilliam-Reason ${word(said)} string "${status}: ${said}\\n"\n`;
  })
  .join('');
