import { refusedHosts, refusedPaths } from '../routing/request';
import { answer, noPath } from './backend';
import type { Condition } from './conditions';
import { noConditions } from './conditions';
import type { MatchTable } from './match-table';
import { EXPANDS } from './match-table';
import { line, literal, mapKey, word } from './quote';
import type { Ports, Settings } from './settings';
import { OTHERS } from './shapes';

/** How often a request may come by here before it is taken for one that goes round in circles. */
export const maxHops = 10;

/** What a path can be made of without anything that has to be looked at more closely. */
const harmless = "^/[!$&'()*+,/0-9:=?@A-Z_a-z|~-]*$";

/** From the request to the backend: in HAProxy's words. */
export function frontendText(table: MatchTable, settings: Settings): string {
  const { ports } = settings;
  const at = ports.bind ?? '';
  const unknown = settings.hold === undefined ? answerUnknown : toUnknown;
  const rules = [
    ...refusals(),
    ...classRules(table),
    ...nodeRules(table),
    ...unknown,
    ...forwardedHeaders(ports),
  ];
  const lines = [
    `bind ${at}:${ports.http}`,
    ...(ports.https === undefined
      ? []
      : [`bind ${at}:${ports.https} ssl crt-list certificates.list alpn h2,http/1.1 strict-sni`]),
    'log global',
    `log-format ${word(accessLogFormat)}`,
    ...rules,
    'use_backend %[var(txn.to)]',
  ];
  return ['frontend gilliam', ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/**
 * What is no request that a route could be asked for, whatever the routes are.
 *
 * Here as below, what every request goes through tests whether variables are found, and numbers as truth values: tests
 * against patterns and look-ups take a lock that HAProxy's threads share, and cost several times as much.
 */
function refusals(): string[] {
  return [
    'http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)',
    `http-request set-var(txn.refused) path,map_reg(refused.map) unless { path -m reg ${word(harmless)} }`,
    `${answer(400, '%[var(txn.refused)]')} if { var(txn.refused) -m found }`,
    `${answer(508, `the request has come by ${maxHops} times: a route leads back here`)} if { req.hdr_cnt(x-gilliam-hop),div(${maxHops}),bool }`,
  ];
}

/** Why a path is refused, by expression: tried in their order. */
export function refusedMap(): string {
  return refusedPaths.map(({ regex, reason }) => `${mapKey(regex)} ${reason}\n`).join('');
}

function classRules({ wildcards, expressions }: MatchTable): string[] {
  const unless = 'unless { var(txn.class) -m found }';
  return [
    'http-request set-var(txn.class) var(txn.host),map_str(hosts.map)',
    // A host that a route names is one.
    ...refusedHosts.map(
      ({ regex, reason }) =>
        `${answer(400, literal(reason))} if !{ var(txn.class) -m found } { var(txn.host) -m reg ${word(regex)} }`,
    ),
    ...(wildcards.size > 0
      ? [
          `http-request set-var(txn.class) ${word(`var(txn.host),regsub("^[^.]+[.]","*."),map_str(wildcards.map)`)} ${unless}`,
        ]
      : []),
    ...(expressions.length > 0
      ? [`http-request set-var(txn.class) var(txn.host),map_reg(expressions.map) ${unless}`]
      : []),
    `http-request set-var(txn.class) str(any) ${unless}`,
  ];
}

function nodeRules(table: MatchTable): string[] {
  const { exact, shards, conditions, groups, shapes } = table;
  const none = 'unless { var(txn.to) -m found }';
  const expands = groups.some(({ candidates }) => candidates.some(({ to }) => to.includes(EXPANDS)));
  return [
    'http-request set-var-fmt(txn.key) %[var(txn.class)]%[path]',
    ...(exact.size > 0 ? [`http-request set-var(txn.to) var(txn.key),map_str(exact.map)`] : []),
    `http-request set-var(txn.to) var(txn.key),map_beg(prefixes.map)${exact.size > 0 ? ` ${none}` : ''}`,
    ...(shapes.size > 0 ? shapeRules() : []),
    ...(shards > 0 ? groupRules(conditions, shards) : []),
    ...(expands ? expandRules() : []),
  ];
}

const noHost = 'no route for this host';
const answerUnknown = [
  `${answer(404, noPath)} if !{ var(txn.to) -m found } !{ var(txn.class) -m str any }`,
  `${answer(404, noHost)} unless { var(txn.to) -m found }`,
];

/** No name of a route's backend: those begin with that of a formation. */
const UNKNOWN = '-:unknown';
const toUnknown = [
  `http-request set-var-fmt(txn.why) ${word(noHost)} unless { var(txn.to) -m found }`,
  `http-request set-var-fmt(txn.why) ${word(noPath)} if { var(txn.why) -m found } !{ var(txn.class) -m str any }`,
  `http-request set-var(txn.to) str(${UNKNOWN}) if { var(txn.why) -m found }`,
];

/**
 * What there is no route for: the router says which are nearest. It is asked a few at a time, so that no flood of mistakes
 * keeps it from its work; the others, and all where it is away, are told the same without names.
 */
export function unknownText({ hold }: Settings): string {
  if (hold === undefined) return '';
  const plain = `content-type text/plain hdr X-Gilliam-Reason %[var(txn.why)] lf-string ${line('404: %[var(txn.why)]')}`;
  const lines = [
    'retries 0',
    'timeout queue 10ms',
    'timeout server 1s',
    'http-request del-header X-Gilliam-Hold',
    'http-request set-header X-Gilliam-Unknown %[var(txn.why)]',
    ...[502, 503, 504].map((status) => `http-error status ${status} ${plain}`),
    'http-after-response set-status 404',
    `server router abns@${hold} maxconn 16 maxqueue 1 pool-max-conn 0`,
  ];
  return [`backend ${UNKNOWN}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** By method and shape, and where the node knows no such shape, by method alone. */
function shapeRules(): string[] {
  const shaped = '{ var(txn.node) -m found }';
  const method = `%[method,map_str(methods.map,${OTHERS})]`;
  const left = `if ${shaped} !{ var(txn.to) -m found }`;
  return [
    'http-request set-var(txn.node) var(txn.to) if { var(txn.to) -m beg ~ }',
    `http-request set-var(txn.shape) ${word('path,regsub("[^/]+",x,g)')} if ${shaped}`,
    `http-request unset-var(txn.to) if ${shaped}`,
    `http-request set-var-fmt(txn.key) ${word(`%[var(txn.node)]|${method}|%[var(txn.shape)]`)} if ${shaped}`,
    `http-request set-var(txn.to) var(txn.key),map_str(shapes.map) if ${shaped}`,
    `http-request set-var-fmt(txn.key) ${word(`%[var(txn.node)]|${method}|${OTHERS}`)} ${left}`,
    `http-request set-var(txn.to) var(txn.key),map_str(shapes.map) ${left}`,
  ];
}

function groupRules(conditions: readonly Condition[], shards: number): string[] {
  const grouped = '{ var(txn.shard) -m found }';
  const noted = '%[var(txn.noted)]';
  return [
    'http-request set-var(txn.shard) var(txn.to),field(1,.) if { var(txn.to) -m beg @ }',
    ...(conditions.length > 0 ? [`http-request set-var(txn.noted) str(${noConditions}) if ${grouped}`] : []),
    ...conditions.map(
      (one) => `http-request set-var-fmt(txn.noted) ${noted}c${one.id}; if ${grouped} ${testOf(one)}`,
    ),
    `http-request set-var-fmt(txn.key) ${word(`%[var(txn.to)] %[method] %[var(txn.host)] %[path] ${conditions.length > 0 ? noted : noConditions}`)} if ${grouped}`,
    `http-request unset-var(txn.to) if ${grouped}`,
    ...Array.from(
      { length: shards },
      (_, shard) =>
        `http-request set-var(txn.to) var(txn.key),map_regm(group-${shard}.map) if ${grouped} { var(txn.shard) -m str @${shard} }`,
    ),
  ];
}

/** The route is known, its service is made of the request: there is a backend for each that is known. */
function expandRules(): string[] {
  const expanded = `{ var(txn.to) -m sub ${EXPANDS} }`;
  return [
    `http-request set-var(txn.name) var(txn.to),field(2,>) if ${expanded}`,
    `http-request set-var(txn.to) var(txn.to),map_str(services.map,-) if ${expanded}`,
    `${answer(404, 'there is no service %[var(txn.name)].service')} if { var(txn.to) -m str -- - }`,
  ];
}

function testOf(condition: Condition): string {
  if (condition.of === 'query') {
    const { regex, found } = condition.test;
    return `${found ? '' : '!'}{ query -m reg ${word(regex)} }`;
  }
  const { test } = condition;
  const header = `req.fhdr(${test.name},-1)`;
  switch (test.kind) {
    case 'present':
      return `${test.present ? '' : '!'}{ ${word(header)} -m found }`;
    case 'value':
      return `{ ${word(header)} -m str -- ${word(test.value)} }`;
    case 'regex':
      return `{ ${word(header)} -m reg -- ${word(test.regex)} }`;
  }
}

/** What upstreams are told of the client: never what the client says of itself. */
function forwardedHeaders({ https }: Ports): string[] {
  return [
    'http-request del-header Forwarded',
    'http-request set-header X-Forwarded-For %[src]',
    `http-request set-header X-Forwarded-Proto ${https === undefined ? 'http' : '%[ssl_fc,iif(https,http)]'}`,
    'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    'http-request add-header X-Gilliam-Hop 1',
  ];
}

/** One JSON object a request; times in milliseconds, `ms` from the request's first byte to the answer's last. */
const accessLogFormat = [
  '{"time":%Ts.%ms',
  '"client":"%ci"',
  '"method":"%HM"',
  '"host":"%[var(txn.host),json(utf8s)]"',
  '"path":"%[capture.req.uri,json(utf8s)]"',
  '"route":"%[be_name,field(1,:,2)]"',
  '"instance":"%[srv_name,field(1,:)]"',
  '"release":"%[srv_name,field(2,:)]"',
  '"status":%ST',
  '"bytes":%B',
  '"queueMs":%Tw',
  '"connectMs":%Tc',
  '"responseMs":%Tr',
  '"ms":%Ta',
  '"ended":"%tsc"}',
].join(',');
