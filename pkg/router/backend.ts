import { formatServiceName } from '../registry/service-name';
import type { ServiceName } from '../registry/types';
import { refusedPaths } from '../routing/request';
import type { CompiledRoute, HeaderEdit, Template } from '../routing/types';
import { expressionOf, groupsOf, variablesOf } from './capture';
import { backendName, goalOf } from './goals';
import { argument, line, literal, replacement, word } from './quote';
import type { Server } from './servers';
import { serverLine } from './servers-line';

const defaultTimeoutMs = 60_000;
const defaultRetries = 2;
const defaultPeriodMs = 1_000;
/** Why a request is answered with 404 though its host is known. */
export const noPath = 'no route for this path of the host';

const rateTableEntries = 100_000;

/** What answers requests of a route, or of several that share it: one for each service that they lead to. */
export interface Backend {
  /**
   * `<formation>:<route>`, and `:<service>.<formation>` behind it where the service depends on the request; where routes
   * share it, `:<service>.<formation>.service`, and a number where one is not enough.
   */
  readonly name: string;
  /** By which goals lead to it. */
  readonly number: number;
  /** Several only where all that they ask for is another path. */
  readonly routes: readonly [CompiledRoute, ...CompiledRoute[]];
  /** Absent for a redirect. */
  readonly service?: ServiceName;
  /** The router's own socket, where requests are held while there is no instance. Absent: they are not. */
  readonly hold?: string;
  /** Of routes whose requests' paths it has to look at before it answers: their ids. */
  readonly unverified: ReadonlySet<string>;
}

/** The backend in HAProxy's words, with its servers. */
export function backendText(backend: Backend, servers: readonly Server[]): string {
  const { hold } = backend;
  const lines = [
    `id ${backend.number}`,
    ...backendLines(backend),
    ...(hold === undefined ? [] : [`server ${HOLD} abns@${hold} weight 0 pool-max-conn 0`]),
    ...servers.map((server) => serverLine(server)),
  ];
  return [`backend ${backend.name}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** The tables in which requests of clients are counted: one a route, shared by its backends. */
export function rateTableText(route: CompiledRoute): string {
  const { rateLimit } = route.route.spec;
  if (!rateLimit) return '';
  const periodMs = rateLimit.periodMs || defaultPeriodMs;
  const table = `stick-table type ipv6 size ${rateTableEntries} expire ${periodMs * 2}ms store http_req_rate(${periodMs}ms)`;
  return `backend ${rateTable(route)}\n  ${table}\n`;
}

function rateTable(route: CompiledRoute): string {
  return `${backendName(route)}::rate`;
}

function backendLines({ number, routes, service, unverified, hold }: Backend): string[] {
  const [route] = routes;
  const own = (one: CompiledRoute) =>
    routes.length > 1 ? `{ var(txn.to) -m str -- ${word(goalOf(number, one))} }` : undefined;
  const verify = routes.flatMap((one) => (unverified.has(one.id) ? [verifyRule(one, own(one))] : []));
  const captures = routes.flatMap((one) => captureRules(one).map((rule) => when(rule, own(one))));
  const rules = [...verify, ...rateRules(route), ...captures];
  if (route.redirect) return [...rules, ...redirectRules(route)];
  const name = service ? formatServiceName(service) : '';
  return [
    'balance roundrobin',
    ...timeoutLines(route),
    ...rules,
    ...(hold === undefined ? [emptyLine(name)] : holdLines(name)),
    ...stickyLines(route),
    ...routes.flatMap((one) => pathRules(one, own(one))),
    ...route.requestHeaders.map((edit) => headerRule('request', edit)),
    ...route.responseHeaders.map((edit) => headerRule('response', edit)),
  ];
}

const noServer = 'if !{ nbsrv,bool } !{ stopping }';

/** Why is found out only when it is to be said. */
function emptyLine(name: string): string {
  const why = `no instance of ${name} %[nbsrv,bool,iif("could be connected to",serves)]`;
  return `http-error status 503 content-type text/plain hdr Retry-After 1 hdr X-Gilliam-Reason ${word(why)} lf-string ${line(`503: ${why}`)}`;
}

/** The server that stands for the router itself: no name of an instance's, as those have dots. */
export const HOLD = 'hold';

/** Longer than the router holds: it is the one to give up. */
const heldTimeoutMs = 90_000;

/** Without an instance the router has it, and passes it on when there is one. It weighs nothing: no other request goes there. */
function holdLines(name: string): string[] {
  const held = 'if { var(txn.hold) -m found }';
  const reason = `no instance of ${name} could be connected to`;
  return [
    'option abortonclose',
    `http-request set-var(txn.hold) bool(1) ${noServer}`,
    `http-request set-header X-Gilliam-Hold ${name} ${held}`,
    `http-request set-timeout server ${heldTimeoutMs}ms ${held}`,
    `use-server ${HOLD} ${held}`,
    `http-error status 503 content-type text/plain hdr Retry-After 1 hdr X-Gilliam-Reason ${word(reason)} string ${line(`503: ${reason}`)}`,
  ];
}

/** An answer of the router's own: why, in body and header. `said` may hold variables. */
export function answer(status: number, said: string, headers = ''): string {
  const body = line(`${status}: ${said}`);
  return `http-request return status ${status} content-type text/plain ${headers}hdr X-Gilliam-Reason ${word(said)} lf-string ${body}`;
}

function verifyRule({ path }: CompiledRoute, own = ''): string {
  const matches = `{ path -m reg ${word(`^${expressionOf(path, [])}$`)} }`;
  return when(answer(404, noPath), `${own} !${matches}`.trim());
}

/** The rule for those requests that fulfil a condition, where there is one. */
function when(rule: string, condition: string | undefined): string {
  return condition === undefined ? rule : `${rule} if ${condition}`;
}

function rateRules(route: CompiledRoute): string[] {
  const { rateLimit } = route.route.spec;
  if (!rateLimit) return [];
  const periodMs = rateLimit.periodMs || defaultPeriodMs;
  const after = Math.ceil(periodMs / 1_000);
  const said = `more than ${rateLimit.requests} requests in ${periodMs} ms`;
  return [
    `http-request track-sc0 src table ${rateTable(route)}`,
    `${answer(429, said, `hdr Retry-After ${after} `)} if { sc0_http_req_rate(${rateTable(route)}) gt ${rateLimit.requests} }`,
  ];
}

function timeoutLines({ route }: CompiledRoute): string[] {
  const { timeouts, retries } = route.spec;
  const responseMs = timeouts?.responseMs || defaultTimeoutMs;
  const count = retries ?? defaultRetries;
  return [
    ...(responseMs === defaultTimeoutMs ? [] : [`timeout server ${responseMs}ms`]),
    // The default of tunnels is an hour, and stands in the defaults.
    ...(timeouts?.idleMs ? [`timeout tunnel ${timeouts.idleMs}ms`] : []),
    ...(count === defaultRetries ? [] : [`retries ${count}`]),
    ...(retries ? retryUnanswered : []),
  ];
}

/**
 * What an instance may have seen goes to another only if it may be repeated: RFC 9110, 9.2.2. HAProxy keeps a copy of each
 * request for it, a tenth of what a request costs: hence only where retries are asked for.
 */
const retryUnanswered = [
  'retry-on conn-failure empty-response',
  'http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }',
];

function stickyLines({ route }: CompiledRoute): string[] {
  const { sticky } = route.spec;
  if (!sticky) return [];
  const cookie = sticky.cookie || 'gilliam';
  return [
    `http-request set-var(txn.sticky) ${word(`req.cook(${cookie})`)}`,
    'use-server %[var(txn.sticky)] if { var(txn.sticky) -m found }',
    `http-response add-header Set-Cookie ${word(`${literal(cookie)}=%[srv_name]; Path=/; HttpOnly; SameSite=Lax`)} unless { srv_name,strcmp(txn.sticky) eq 0 }`,
  ];
}

/** Variables for header values and locations: before the path is changed. */
function captureRules(route: CompiledRoute): string[] {
  return names(route).map((name) => `http-request set-var(txn.v_${name}) ${captureExpression(route, name)}`);
}

function names(route: CompiledRoute): readonly string[] {
  const templates = [...route.requestHeaders, ...route.responseHeaders].flatMap((edit) =>
    edit.action === 'remove' ? [] : [edit.value],
  );
  if (route.redirect) templates.push(route.redirect.location);
  const { path } = route.target ?? {};
  if (path && !byGroups(route, path)) templates.push(path);
  return [...new Set(templates.flatMap(variablesOf))];
}

function captureExpression(route: CompiledRoute, name: string): string {
  const ofHost = route.host?.variables.includes(name) ?? false;
  const pattern = ofHost && route.host ? route.host : route.path;
  const regex = `^${expressionOf(pattern, [name])}$`;
  return word(`${ofHost ? 'var(txn.host)' : 'path'},regsub(${argument(regex)},${argument('\\1')})`);
}

/** How a template is made of one match of the path alone; undefined where that cannot be. */
function byGroups(route: CompiledRoute, template: Template) {
  const used = variablesOf(template);
  if (used.some((name) => !route.path.variables.includes(name))) return undefined;
  return groupsOf({ ...route, host: undefined }, used, '');
}

function pathRules(route: CompiledRoute, own: string | undefined): string[] {
  const path = route.target?.path;
  if (!path || keepsPath(route, path)) return [];
  if (variablesOf(path).length === 0) return [when(`http-request set-path ${word(formatOf(path))}`, own)];
  return [when(rewriteRule(route, path), own), ...(canStray(route, path) ? [strayRule(own)] : [])];
}

function rewriteRule(route: CompiledRoute, path: Template): string {
  const before = exchangedPrefix(route, path);
  // No expression for what a request must have been to get here.
  if (before !== undefined) {
    return `http-request set-path ${word(`${literal(before)}%[path,bytes(${route.path.prefix.length})]`)}`;
  }
  const groups = byGroups(route, path);
  if (!groups) return `http-request set-path ${word(formatOf(path))}`;
  const replaced = path.map((piece) =>
    piece.kind === 'text' ? replacement(piece.text) : `\\${groups.numberOf.get(piece.name)}`,
  );
  const regex = `^${expressionOf(route.path, variablesOf(path))}$`;
  return `http-request replace-path ${word(regex)} ${word(replaced.join(''))}`;
}

/** What stands in the place of the path's literal beginning, where nothing else is another. */
function exchangedPrefix({ path: { parts } }: CompiledRoute, path: Template): string | undefined {
  const [text, variable] = path.length === 1 ? [undefined, path[0]] : path;
  const [prefix, rest, more] = parts;
  if (path.length > 2 || more || prefix?.kind !== 'text' || rest?.kind !== 'variable') return undefined;
  if (variable?.kind !== 'variable' || variable.name !== rest.name) return undefined;
  return text === undefined ? '' : text.kind === 'text' ? text.text : undefined;
}

/** Whether the path becomes what it was: the commonest of all routes, and the dearest rule. */
function keepsPath(route: CompiledRoute, path: Template): boolean {
  const { parts } = route.path;
  return (
    path.length === parts.length &&
    path.every((piece, index) => {
      const part = parts[index];
      if (piece.kind === 'text') return part?.kind === 'text' && part.text === piece.text;
      return part?.kind === 'variable' && part.name === piece.name;
    })
  );
}

/** Whether variables could make a path that is refused: one that begins with text and ends in what was in place before cannot. */
function canStray(route: CompiledRoute, path: Template): boolean {
  const [first, second, third] = path;
  if (first?.kind !== 'text' || !first.text.endsWith('/') || third) return true;
  // What follows a slash in the request follows a slash here, up to the end.
  const own = route.path.parts;
  const last = own.at(-1);
  const before = own.at(-2);
  return !(
    second?.kind === 'variable' &&
    last?.kind === 'variable' &&
    last.name === second.name &&
    before?.kind === 'text' &&
    before.text.endsWith('/')
  );
}

const refused = refusedPaths.map(({ regex }) => `(?:${regex})`).join('|');

function strayRule(own = ''): string {
  const said = answer(400, 'what the path is rewritten to cannot be asked for');
  return when(said, `${own} { path -m reg ${word(refused)} }`.trim());
}

function redirectRules(route: CompiledRoute): string[] {
  const { location, code } = route.redirect as NonNullable<CompiledRoute['redirect']>;
  const ownQuery = location.some((piece) => piece.kind === 'text' && /[?#]/.test(piece.text));
  return [
    `http-request set-var-fmt(txn.location) ${word(formatOf(location))}`,
    `${answer(400, 'the location would lead to another host')} if { var(txn.location) -m reg '^/[/\\\\]' }`,
    ...(ownQuery
      ? []
      : ['http-request set-var-fmt(txn.location) %[var(txn.location)]?%[query] if { url -m sub ? }']),
    ...route.responseHeaders.map((edit) => headerRule('after-response', edit)),
    `http-request redirect location %[var(txn.location)] code ${code}`,
  ];
}

function headerRule(of: 'request' | 'response' | 'after-response', edit: HeaderEdit): string {
  const on = of === 'after-response' ? 'http-after-response' : `http-${of}`;
  if (edit.action === 'remove') return `${on} del-header ${word(edit.name)}`;
  return `${on} ${edit.action}-header ${word(edit.name)} ${word(formatOf(edit.value))}`;
}

function formatOf(template: Template): string {
  return template
    .map((piece) => (piece.kind === 'text' ? literal(piece.text) : `%[var(txn.v_${piece.name})]`))
    .join('');
}
