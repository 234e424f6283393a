import { isIP } from 'node:net';
import type { RequestHead } from './head';
import { Refusal } from './refusal';

/** Where a request wants to go. */
export interface RequestTarget {
  /** In lower case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host` or `host:port`, as the endpoint is to see it. */
  readonly authority: string;
  /** Path and query; empty for CONNECT. */
  readonly path: string;
}

const absolute = /^http:\/\/([^/?]*)(.*)$/i;
const hostAndPort = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._~-]+))(?::(\d{0,5}))?$/;
const maxTargetBytes = 16 * 1024;

/** Reads `http://host[:port]/path`, or `host:port` of CONNECT. @throws {Refusal} */
export function parseTarget({ method, target }: RequestHead): RequestTarget {
  if (target.length > maxTargetBytes)
    throw new Refusal(414, `the address is longer than ${maxTargetBytes} bytes`);
  if (method === 'CONNECT') return { ...parseAuthority(target, undefined), path: '' };
  const parts = absolute.exec(target);
  if (!parts) throw new Refusal(400, whatIsWrong(target));
  if (target.includes('#')) throw new Refusal(400, 'the address has a fragment: leave out what follows "#"');
  const rest = parts[2] as string;
  return { ...parseAuthority(parts[1] as string, 80), path: rest.startsWith('/') ? rest : `/${rest}` };
}

function whatIsWrong(target: string): string {
  if (/^https:/i.test(target)) return 'https goes through CONNECT, not through an absolute address';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target))
    return 'only http:// addresses are proxied; use CONNECT for the rest';
  return 'this is a proxy: send an absolute address ("GET http://web.shop.service/ HTTP/1.1"), or CONNECT';
}

function parseAuthority(text: string, defaultPort: number | undefined): Omit<RequestTarget, 'path'> {
  if (text.includes('@')) throw new Refusal(400, 'the address has a user name in it: send it as a header');
  const parts = hostAndPort.exec(text);
  if (!parts || (parts[1] !== undefined && isIP(parts[1]) !== 6)) {
    throw new Refusal(400, 'the host of the address is not a name or an IP address');
  }
  const host = (parts[1] ?? parts[2] ?? '').toLowerCase();
  const port = parts[3] ? Number(parts[3]) : defaultPort;
  if (port === undefined)
    throw new Refusal(400, 'CONNECT needs a port: "CONNECT db.shop.service:5432 HTTP/1.1"');
  if (port < 1 || port > 65_535) throw new Refusal(400, `${port} is no port: there are 1 to 65535`);
  const name = parts[1] ? `[${host}]` : host;
  return { host, port, authority: port === defaultPort ? name : `${name}:${port}` };
}
