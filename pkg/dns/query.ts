import { decode } from 'dns-packet';

/** What the numbers of a message mean, as far as they mean anything here. */
export const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

export const types = { a: 1, ptr: 12, aaaa: 28, srv: 33, ixfr: 251, axfr: 252, any: 255 } as const;

export const classes = { in: 1, any: 255 } as const;

export interface Question {
  /** As it was sent, in its own case and without the final dot: `Web.shop.service`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Its bytes, to be sent back as they are. */
  readonly bytes: Buffer;
}

export interface Query {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly question: Question;
  /** What the asker says of himself, if he does. */
  readonly edns?: { readonly payloadSize: number; readonly version: number };
  /** The message whole, for whoever passes it on. */
  readonly bytes: Buffer;
}

/**
 * Reads a message. A query that makes no sense is answered with the code; undefined is what is not to be answered: no
 * message at all, or an answer to something that nobody asked.
 */
export function readQuery(
  bytes: Buffer,
): Query | { readonly id: number; readonly rcode: number } | undefined {
  if (bytes.length < headerLength) return undefined;
  const id = bytes.readUInt16BE(0);
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const opcode = (flags >> 11) & 15;
  if (opcode !== 0) return { id, rcode: rcodes.notImplemented };
  const question = bytes.readUInt16BE(4) === 1 ? readQuestion(bytes) : undefined;
  if (!question) return { id, rcode: rcodes.formatError };
  try {
    const edns = ednsOf(bytes);
    const recursionDesired = (flags & 0x0100) !== 0;
    return { id, opcode, recursionDesired, question, bytes, ...(edns ? { edns } : {}) };
  } catch {
    return { id, rcode: rcodes.formatError };
  }
}

export const headerLength = 12;

/** The only question of a message: names in it are never compressed, since nothing is before them. */
export function readQuestion(bytes: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = headerLength;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return undefined;
    at++;
    if (length === 0) break;
    if (at + length > bytes.length) return undefined;
    labels.push(labelText(bytes.subarray(at, at + length)));
    at += length;
  }
  if (at - headerLength > 255 || at + 4 > bytes.length) return undefined;
  return {
    name: labels.join('.'),
    type: bytes.readUInt16BE(at),
    class: bytes.readUInt16BE(at + 2),
    bytes: bytes.subarray(headerLength, at + 4),
  };
}

/** What cannot be part of any name of ours is written so that it looks like none. */
function labelText(label: Buffer): string {
  const text = label.toString('latin1');
  return /^[\x21-\x2d\x2f-\x7e]+$/.test(text) ? text : `\\${label.toString('hex')}`;
}

/** Throws where the rest of the message is broken, or says it twice. */
function ednsOf(bytes: Buffer): Query['edns'] {
  if (bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10) === 0) return undefined;
  const options = (decode(bytes).additionals ?? []).filter((record) => record.type === 'OPT');
  if (options.length > 1) throw new Error('two OPT records');
  const [option] = options;
  return option && { payloadSize: option.udpPayloadSize, version: option.ednsVersion };
}
