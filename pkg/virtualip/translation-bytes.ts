import { formatAddress, parseAddress } from './address-range';
import type { MapStep, Place } from './translation-plan';

// How translate.bpf.c lays out what its maps hold. Numbers of its own are in the machine's byte order, for which it is
// compiled: that of all machines that Node runs on but few; addresses and ports are in the network's.

/** The words of a command of bpftool: the bytes of some numbers, and of places. */
export function bytesOf(...parts: readonly (number | Place)[]): string {
  const buffers = parts.map((part) => (typeof part === 'number' ? number32(part) : placeBytes(part)));
  return [...Buffer.concat(buffers)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** The command that carries out a step, over the maps that are pinned in a directory. */
export function commandOf(maps: string, step: MapStep): string {
  switch (step.do) {
    case 'put-turn':
      return `map update pinned ${maps}/targets key hex ${bytesOf(step.id, step.index)} value hex ${bytesOf(step.target)}`;
    case 'put-service':
      return `map update pinned ${maps}/services key hex ${bytesOf(step.service)} value hex ${bytesOf(step.id, step.count, 0)}`;
    case 'drop-service':
      return `map delete pinned ${maps}/services key hex ${bytesOf(step.service)}`;
    case 'wait':
      return `map update pinned ${maps}/barrier key hex ${bytesOf(0)} value pinned ${maps}/settings`;
    case 'drop-turn':
      return `map delete pinned ${maps}/targets key hex ${bytesOf(step.id, step.index)}`;
  }
}

export function placeAt(buffer: Buffer, offset = 0): Place {
  return `${formatAddress(buffer.readUInt32BE(offset))}:${buffer.readUInt16BE(offset + 4)}`;
}

/** Counters of the kernel's, which are of 64 bits. */
export function countAt(buffer: Buffer): number {
  return Number(buffer.readBigInt64LE(0));
}

function number32(number: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(number);
  return buffer;
}

/** A port is followed by two bytes that are nothing. */
function placeBytes(place: Place): Buffer {
  const [address = '', port] = place.split(':');
  const buffer = Buffer.alloc(8);
  buffer.writeUInt32BE(parseAddress(address) ?? 0);
  buffer.writeUInt16BE(Number(port), 4);
  return buffer;
}
