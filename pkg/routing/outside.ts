import { BlockList, isIP } from 'node:net';
import { InvalidError } from '../base/errors';

/** Where instances may go outside the stage. */
export interface OutsideRules {
  /** Whether the host is allowed by its name, whatever its addresses. */
  allowsName(host: string, port: number): boolean;
  allowsAddress(address: string, port: number): boolean;
  /** Whether addresses matter at all: where they do not, a name that is not allowed is not even looked up. */
  readonly byAddress: boolean;
}

const own = new BlockList();
own.addSubnet('127.0.0.0', 8);
own.addSubnet('0.0.0.0', 8);
own.addAddress('::', 'ipv6');
own.addAddress('::1', 'ipv6');
// IPv4 addresses in IPv6 clothes: mapped, compatible, translated. The kernel takes the first for the real thing.
for (const prefix of ['::ffff:', '::', '::ffff:0:', '64:ff9b::']) {
  own.addSubnet(`${prefix}7f00:0`, 104, 'ipv6');
  own.addSubnet(`${prefix}0:0`, 104, 'ipv6');
}

/**
 * The machine's own loopback, and what its kernel takes for that: unspecified addresses. A proxy that reached them would
 * give every container what only the machine's own processes are meant to reach.
 */
export function isOwn(address: string): boolean {
  const plain = address.split('%', 1)[0] as string;
  const version = isIP(plain);
  return version === 0 || own.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

const rule = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+|[0-9a-f:.]+(?:\/\d+)?))(?::(\d+))?$/;

/** The rules of a list as people write it: with commas or blanks between. */
export function splitRules(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((one) => one !== '');
}

/** @throws {InvalidError} with the rule that cannot be read */
export function outsideRules(allow: readonly string[]): OutsideRules {
  const names: ((host: string, port: number) => boolean)[] = [];
  const addresses: ((address: string, port: number) => boolean)[] = [];
  for (const text of allow) {
    const lower = text.toLowerCase();
    const whole = isIP(lower.split('/', 1)[0] as string) === 6;
    const parts = whole ? [lower, undefined, lower] : rule.exec(lower);
    if (!parts)
      throw new InvalidError(`"${text}" is no rule: use *, example.com, *.example.com or 10.0.0.0/8`);
    const what = parts[1] ?? parts[2] ?? '';
    const only = parts[3] === undefined ? undefined : Number(parts[3]);
    const list = listOf(what, text);
    if (list) {
      addresses.push(
        (address, port) =>
          (only === undefined || only === port) && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
      );
      continue;
    }
    if (!/^(\*|(\*\.)?[a-z0-9_.-]+)$/.test(what)) {
      throw new InvalidError(`"${text}" is no rule: "*" stands alone, or for all before a dot`);
    }
    const suffix = what.startsWith('*.') ? what.slice(1) : undefined;
    names.push(
      (host, port) =>
        (only === undefined || only === port) &&
        (what === '*' || host === what || (suffix !== undefined && host.endsWith(suffix))),
    );
  }
  return {
    allowsName: (host, port) => names.some((allows) => allows(host, port)),
    byAddress: addresses.length > 0,
    allowsAddress: (address, port) => addresses.some((allows) => allows(address, port)),
  };
}

function listOf(what: string, text: string): BlockList | undefined {
  const [address, prefix, more] = what.split('/') as [string, string?, string?];
  const version = isIP(address);
  if (version === 0) return undefined;
  const list = new BlockList();
  const type = version === 4 ? 'ipv4' : 'ipv6';
  const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix);
  if (more !== undefined || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) {
    throw new InvalidError(`"${text}" is no rule: the prefix's length is wrong`);
  }
  list.addSubnet(address, bits, type);
  return list;
}
