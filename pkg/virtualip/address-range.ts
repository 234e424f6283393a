import { isIPv4 } from 'node:net';
import { InvalidError } from '../base/errors';

/** A block of IPv4 addresses. */
export interface AddressRange {
  /** `198.18.16.0/20` */
  readonly text: string;
  /** As numbers, both within. */
  readonly first: number;
  readonly last: number;
}

/** The address as a number; undefined for whatever is none. */
export function parseAddress(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Takes `198.18.16.0/20` apart; throws InvalidError for what is no range, or too small to be of use. */
export function parseRange(text: string): AddressRange {
  const [address = '', bits = ''] = text.split('/');
  const base = parseAddress(address);
  const length = /^\d{1,2}$/.test(bits) ? Number(bits) : NaN;
  if (base === undefined || !(length >= 8 && length <= 28)) {
    throw new InvalidError(`"${text}" is no range of virtual IPs: write a block such as 198.18.16.0/20`);
  }
  const size = 2 ** (32 - length);
  const first = Math.floor(base / size) * size;
  return { text: `${formatAddress(first)}/${length}`, first, last: first + size - 1 };
}

export function inRange(range: AddressRange, address: number): boolean {
  return address >= range.first && address <= range.last;
}

/**
 * Whether connections may be sent to an address: not to the machine's own loopback, which an instance means its own by;
 * not to what is no single machine; not to another virtual address, since the kernel translates once.
 */
export function isForwardable(address: number, range: AddressRange): boolean {
  const top = Math.floor(address / 2 ** 24);
  return top > 0 && top !== 127 && top < 224 && !inRange(range, address);
}
