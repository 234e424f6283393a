import type { Framing } from './framing';
import type { Field, RequestHead, ResponseHead } from './head';
import { listOf } from './head';
import { Refusal } from './refusal';
import type { RequestTarget } from './target';

/** Fields that are about one connection, never about the message (RFC 9110, section 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Fields that no `Connection` may take away from whoever comes next. */
const endToEnd = new Set(['cache-control', 'content-length', 'host', 'via']);

/** Times that one proxy may stand in a request's `Via`, whatever the target. */
const maxPasses = 16;

/** What a proxy is called in `Via`. */
export function pseudonymOf(executor: string): string {
  return `gilliam-${executor.replace(/[^A-Za-z0-9.-]/g, '-')}`;
}

/**
 * A request that came through this proxy on its way to the same target goes in circles. The target is asked for too:
 * a service that copies the headers of its callers into its own requests is no loop.
 * @throws {Refusal} 508
 */
export function refuseLoop(head: RequestHead, via: string, pseudonym: string): void {
  let passes = 0;
  for (const { key, value } of head.fields) {
    if (key !== 'via') continue;
    for (const member of value.split(',')) {
      const hop = member.trim();
      if (hop.endsWith(via.slice(via.indexOf(' ')))) {
        throw new Refusal(508, 'the request has come back to this proxy: its target leads here');
      }
      if (hop.split(' ')[1] === pseudonym) passes++;
    }
  }
  if (passes >= maxPasses) throw new Refusal(508, `the request has passed this proxy ${passes} times`);
}

/** One member of `Via`: `1.1 gilliam-one (web.shop.service:80)`. */
export function viaOf(pseudonym: string, target: RequestTarget, minor: 0 | 1): string {
  return `1.${minor} ${pseudonym} (${target.host}:${target.port})`;
}

/** The protocol that the request asks to go on with; `h2c` is not passed on, since what follows could not be seen. */
export function upgradeOf(head: RequestHead): string | undefined {
  if (head.minor === 0) return undefined;
  const wanted = head.fields.filter(({ key }) => key === 'upgrade').map(({ value }) => value);
  if (wanted.length === 0 || !listOf(head.fields, 'connection').includes('upgrade')) return undefined;
  const protocols = wanted.join(', ');
  return /\bh2c\b/i.test(protocols) ? undefined : protocols;
}

/** The request's head as the endpoint gets it. */
export function forwardedRequest(
  head: RequestHead,
  target: RequestTarget,
  about: { readonly via: string; readonly framing: Framing; readonly upgrade: string | undefined },
): string {
  let text = `${head.method} ${target.path} HTTP/1.1\r\nHost: ${target.authority}\r\n`;
  const named = namedByConnection(head.fields);
  for (const { name, key, value } of head.fields) {
    if (key === 'host' || hopByHop.has(key) || named?.has(key)) continue;
    text += `${name}: ${value}\r\n`;
  }
  text += `Via: ${about.via}\r\n`;
  if (about.framing.kind === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  const takesTrailers = head.minor === 1 && listOf(head.fields, 'te').includes('trailers');
  if (takesTrailers) text += 'TE: trailers\r\n';
  if (about.upgrade !== undefined) {
    return `${text}Upgrade: ${about.upgrade}\r\nConnection: ${takesTrailers ? 'TE, ' : ''}Upgrade\r\n\r\n`;
  }
  return `${text}${takesTrailers ? 'Connection: TE\r\n' : ''}\r\n`;
}

/** What a response's head says of its connection, for the caller's side. */
export interface ResponseConnection {
  /** The caller's connection ends with the response. */
  readonly close: boolean;
  /** Of the body as it is sent to the caller. */
  readonly chunked: boolean;
  /** 101: the protocol that both have changed to. */
  readonly upgrade?: string;
}

/** The response's head as the caller gets it. */
export function forwardedResponse(
  head: ResponseHead,
  pseudonym: string,
  { close, chunked, upgrade }: ResponseConnection,
): string {
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  const named = namedByConnection(head.fields);
  for (const { name, key, value } of head.fields) {
    if (hopByHop.has(key) || named?.has(key)) continue;
    text += `${name}: ${value}\r\n`;
  }
  text += `Via: 1.${head.minor} ${pseudonym}\r\n`;
  if (chunked) text += 'Transfer-Encoding: chunked\r\n';
  if (upgrade !== undefined) text += `Upgrade: ${upgrade}\r\nConnection: Upgrade\r\n`;
  else if (close) text += 'Connection: close\r\n';
  return `${text}\r\n`;
}

/** Fields that `Connection` names: they end here too. */
function namedByConnection(fields: readonly Field[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (const { key, value } of fields) {
    if (key !== 'connection' || /^(keep-alive|close|upgrade)$/i.test(value)) continue;
    named ??= new Set();
    for (const member of listOf([{ name: key, key, value }], key))
      if (!endToEnd.has(member)) named.add(member);
  }
  return named;
}
