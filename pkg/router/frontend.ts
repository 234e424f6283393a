import { refusedHosts, refusedPaths, tooLongHost } from '../routing/request';
import { answer, noPath } from './backend';
import type { Condition } from './conditions';
import { noConditions } from './conditions';
import { nowhere, routeAt, unknownNumber } from './goals';
import { ANY } from './host-classes';
import { keyStart, lookUp, straightLookUp } from './look-up';
import type { MatchTable } from './match-table';
import { EXPANDS, OTHERS } from './match-table';
import { line, literal, mapKey, word } from './quote';
import type { Ports, Settings } from './settings';

/** How often a request may come by here before it is taken for one that goes round in circles. */
export const maxHops = 10;

/** How what is asked for begins where it is a path, and one without anything that has to be looked at more closely. */
const harmless = "^/[!$&'()*+,/0-9:=@A-Z_a-z|~-]*(?:[?]|$)";

const isHarmless = `{ url -m reg ${word(harmless)} }`;

const noPathReason = refusedPaths[0]?.reason ?? '';
const whyRefused = 'path,map_reg(refused.map)';

/** No name of a route's backend: those begin with that of a formation. */
const UNKNOWN = '-:unknown';

/** From the request to the backend: in HAProxy's words. */
export function frontendText(table: MatchTable, { ports }: Settings): string {
  const at = ports.bind ?? '';
  const lines = [
    `bind ${at}:${ports.http}`,
    ...(ports.https === undefined
      ? []
      : [`bind ${at}:${ports.https} ssl crt-list certificates.list alpn h2,http/1.1 strict-sni`]),
    'log global',
    `log-format ${word(accessLogFormat)}`,
    `error-log-format ${word(errorLogFormat)}`,
    ...connectionRules(ports),
    'http-request set-var(txn.host) req.fhdr(host)',
    'http-request set-var(txn.url) url',
    // Before headers are added: they would be looked at, too.
    noUpgrade,
    ...straightRules(table, 'txn.url', `!${goesRound(maxHops)}`),
    ...forwardedHeaders(ports),
    'http-request add-header X-Gilliam-Hop 1',
    ...straightOn(table),
    // From here on it may hold what JSON must not.
    'http-request set-var(txn.url) capture.req.uri,json',
    pathOnly,
    ...(table.hosts.size > 0 ? ['http-request set-var(txn.asked) url'] : []),
    ...straightRules(table, 'txn.asked', `${unclear} !${ownRound}`),
    ...straightOn(table),
    ...hostRules(table),
    ...refusals,
    ...nodeRules(table),
    'use_backend %[var(txn.to)]',
  ];
  return ['frontend gilliam', ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** What is the same for all requests of a connection, as text: upstreams are told, and it is logged. */
function connectionRules({ https }: Ports): string[] {
  return [
    'tcp-request session set-var(sess.client) src,concat()',
    ...(https === undefined ? [] : ['tcp-request session set-var(sess.proto) ssl_fc,iif(https,http)']),
  ];
}

/** Behind an upgrade to h2c nobody could see what is asked: a client would get past every route. */
const noUpgrade = 'http-request del-header Upgrade if { req.hdr(upgrade) -m str -i h2c }';

/**
 * What a server is asked is a path (RFC 9112, 3.2.1), and few programs take anything else well, though clients may send
 * addresses, as all do in HTTP/2.
 */
const pathOnly = 'http-request set-uri %[pathq] unless { url -m beg / }';

/** Of those whose host and path say at once what they lead to, which need none of the rules that follow. */
const unclear = '!{ var(txn.to) -m found }';

const goesRound = (hops: number) => `{ req.hdr(x-gilliam-hop,${hops}) -m found }`;
// One is its own.
const ownRound = goesRound(maxHops + 1);

/**
 * Nearly all requests: with a host that is written as a route names it, and a path that could not be refused. Where that
 * leads to a route no further rule is looked at, since each costs even those that it is not for. What is no route yet has
 * no `/` in it, as all goals have.
 *
 * Here as below, what every request goes through tests whether variables are found where it can: tests against patterns
 * and look-ups take a lock that HAProxy's threads share, and cost several times as much.
 */
function straightRules({ hosts, choices }: MatchTable, url: string, condition: string): string[] {
  if (hosts.size === 0) return [];
  return [
    `http-request set-var(txn.to) ${straightLookUp('txn.host', url)} if ${condition}`,
    ...(choices.size > 0 ? choiceRules() : []),
  ];
}

/** Ends the rules for those requests. */
function straightOn({ hosts, choices, groups }: MatchTable): string[] {
  if (hosts.size === 0) return [];
  const everyNodeIsGoal = choices.size + groups.length === 0;
  return [`http-request allow if { var(txn.to) ${everyNodeIsGoal ? '-m found' : '-m sub /'} }`];
}

/** What is no request that a route could be asked for, whatever the routes are. */
const refusals = [
  `${answer(400, `%[${whyRefused}]`)} if ${unclear} !${isHarmless} { ${whyRefused} -m found }`,
  // HTTP/1.0 has requests without.
  `${answer(400, 'the request has no Host')} if ${unclear} !{ var(txn.host) -m found } !{ req.ver 1.0 }`,
  // As of CONNECT, or of OPTIONS *: what is not there matches nothing, and would be looked up as the host's own.
  `${answer(400, noPathReason)} if ${unclear} !{ path -m found }`,
];

/** Said once it is known which. */
const roundRule = `${answer(508, `the request has come by ${maxHops} times: a route leads back here`)} if ${ownRound}`;

/** Why a path is refused, by expression: tried in their order. */
export function refusedMap(): string {
  return refusedPaths.map(({ regex, reason }) => `${mapKey(regex)} ${reason}\n`).join('');
}

/**
 * From any other host to what is looked up. As it is logged, it is fit for JSON: nothing in the name of a host needs that,
 * and what does is still no name when it has been made so.
 */
function hostRules({ wildcards, expressions }: MatchTable): string[] {
  const unclassed = `if ${unclear} !{ var(txn.class) -m found }`;
  // Where no other kind of host is to be looked for.
  const otherwise = wildcards.size + expressions.length === 0 ? `,${ANY}` : '';
  return [
    // Made fit for JSON, it would not fit in a buffer, and stay as it was sent.
    `http-request set-var(txn.host) str(?) if ${unclear} { var(txn.host) -m len ${tooLongHost}: }`,
    `http-request set-var(txn.host) var(txn.host),host_only,lower,rtrim(.),json if ${unclear}`,
    ...refusedHosts.map(
      ({ regex, reason }) =>
        `${answer(400, literal(reason))} if ${unclear} { var(txn.host) -m reg ${word(regex)} }`,
    ),
    `http-request set-var(txn.class) var(txn.host),map_str(hosts.map${otherwise}) if ${unclear}`,
    ...(wildcards.size > 0
      ? [
          `http-request set-var(txn.class) ${word(`var(txn.host),regsub("^[^.]+[.]","*."),map_str(wildcards.map)`)} ${unclassed}`,
        ]
      : []),
    ...(expressions.length > 0
      ? [`http-request set-var(txn.class) var(txn.host),map_reg(expressions.map) ${unclassed}`]
      : []),
    ...(otherwise === '' ? [`http-request set-var(txn.class) str(${ANY}) ${unclassed}`] : []),
    `http-request set-var-fmt(txn.key) ${word(`${keyStart}%[var(txn.class)]%[path]`)} if ${unclear}`,
  ];
}

function nodeRules({ shards, conditions, groups, choices }: MatchTable): string[] {
  const expands = groups.some(({ candidates }) => candidates.some(({ to }) => to.includes(EXPANDS)));
  return [
    `http-request set-var(txn.to) ${lookUp('var(txn.key)', nowhere)} if ${unclear}`,
    ...(choices.size > 0 ? choiceRules() : []),
    ...(shards > 0 ? groupRules(conditions, shards) : []),
    ...(expands ? expandRules() : []),
    roundRule,
  ];
}

/**
 * What there is no route for: the router says which are nearest. It is asked a few at a time, so that no flood of mistakes
 * keeps it from its work; the others, and all where it is away, are told the same without names.
 */
export function unknownText({ hold }: Settings): string {
  const why = '%[var(txn.why)]';
  const plain = `content-type text/plain hdr X-Gilliam-Reason ${why} lf-string ${line(`404: ${why}`)}`;
  const asked = [
    'retries 0',
    'timeout queue 10ms',
    'timeout server 1s',
    'http-request del-header X-Gilliam-Hold',
    `http-request set-header X-Gilliam-Unknown ${why}`,
    ...[502, 503, 504].map((status) => `http-error status ${status} ${plain}`),
    'http-after-response set-status 404',
    `server router abns@${hold} maxconn 16 maxqueue 1 pool-max-conn 0`,
  ];
  const lines = [
    `id ${unknownNumber}`,
    `http-request set-var-fmt(txn.why) ${word(noPath)}`,
    `http-request set-var-fmt(txn.why) ${word(noHost)} if { var(txn.class) -m str ${ANY} }`,
    ...(hold === undefined ? [answer(404, why)] : asked),
  ];
  return [`backend ${UNKNOWN}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

const noHost = 'no route for this host';

const chosen = '{ var(txn.node) -m found }';

/** By method, where nothing else decides. */
function choiceRules(): string[] {
  const choosing = `if ${chosen}`;
  const method = `%[method,map_str(methods.map,${OTHERS})]`;
  return [
    'http-request set-var(txn.node) var(txn.to) if { var(txn.to) -m beg ~ }',
    `http-request set-var-fmt(txn.key) ${word(`%[var(txn.node)]|${method}`)} ${choosing}`,
    `http-request set-var(txn.to) ${word(`var(txn.key),map_str(choices.map,${nowhere})`)} ${choosing}`,
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
    `http-request set-var(txn.to) ${word(`str(${nowhere})`)} if ${grouped}`,
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

/**
 * What upstreams are told of the client, before its host is made another: never what the client says of itself. All
 * such headers are looked for once, which is cheaper than once for each that is set.
 */
function forwardedHeaders({ https }: Ports): string[] {
  return [
    'http-request del-header Forwarded',
    'http-request del-header X-Forwarded- -m beg',
    'http-request add-header X-Forwarded-For %[var(sess.client)]',
    `http-request add-header X-Forwarded-Proto ${https === undefined ? 'http' : '%[var(sess.proto)]'}`,
    'http-request add-header X-Forwarded-Host %[var(txn.host)]',
  ];
}

/** Lines have a length that they are cut at. */
const maxLoggedPath = 4_096;

/** One JSON object a request; times in milliseconds, `ms` from the request's first byte to the answer's last. */
const accessLogFormat = [
  '{"time":%Ts.%ms',
  '"client":"%[var(sess.client)]"',
  '"method":"%HM"',
  '"host":"%[var(txn.host)]"',
  `"path":"%[var(txn.url),bytes(0,${maxLoggedPath})]"`,
  `"route":"%[var(txn.to),bytes(${routeAt})]"`,
  '"instance":"%[srv_name,field(1,:)]"',
  '"release":"%[srv_name,field(-2,:)]"',
  '"status":%ST',
  '"bytes":%B',
  '"queueMs":%Tw',
  '"connectMs":%Tc',
  '"responseMs":%Tr',
  '"ms":%Ta',
  '"ended":"%tsc"}',
].join(',');

/**
 * Of connections that never came to a request, as when their handshake of TLS fails. Where what was sent is refused, or
 * is not all there in time, HAProxy has had success with the connection itself.
 */
const errorLogFormat =
  '{"time":%Ts.%ms,"client":"%[src]","error":"%[fc_err_str,regsub("^Success$","no whole request of HTTP"),json]"}';
