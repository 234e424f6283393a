import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from 'dns-packet';
import { headerLength, type Query, rcodes } from './query';

/** What is answered. */
export interface Reply {
  readonly rcode: number;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  /** Left out where they do not fit. */
  readonly additionals?: readonly Answer[];
  /** Whether this server is the one to know. */
  readonly authoritative?: boolean;
}

/** As large as passes everywhere without being fragmented (DNS flag day 2020). */
const largestDatagram = 1232;
const smallestDatagram = 512;
const largestMessage = 65_535;
const truncated = 0x0200;

/** How long an answer may be, in bytes. */
export function replyLimit(query: Query, transport: 'udp' | 'tcp'): number {
  if (transport === 'tcp') return largestMessage;
  return Math.min(Math.max(query.edns?.payloadSize ?? 0, smallestDatagram), largestDatagram);
}

/**
 * The reply as bytes, within the limit. One that is too long for a datagram says that it is truncated, so that it is
 * asked for again over TCP; there, what is too much is left out.
 */
export function encodeReply(query: Query, reply: Reply, transport: 'udp' | 'tcp'): Buffer {
  const limit = replyLimit(query, transport);
  const whole = build(query, reply);
  if (whole.length <= limit) return whole;
  const bare = { ...reply, additionals: [] };
  const withoutExtras = build(query, bare);
  if (withoutExtras.length <= limit) return withoutExtras;
  if (transport === 'udp') return build(query, { ...bare, answers: [], authorities: [] }, truncated);
  const answers = reply.answers ?? [];
  const share = Math.floor((answers.length * limit) / withoutExtras.length) - 1;
  return build(query, { ...bare, answers: answers.slice(0, share) });
}

/** The answer to what could not be read: its id, and what is wrong. */
export function encodeError(id: number, rcode: number): Buffer {
  return encode({ type: 'response', id, flags: rcode });
}

function build(query: Query, reply: Reply, flags = 0): Buffer {
  const option: Answer[] = query.edns
    ? [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: largestDatagram,
          extendedRcode: reply.rcode >> 4,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ]
    : [];
  const message = encode({
    type: 'response',
    id: query.id,
    flags:
      flags |
      (reply.rcode & 15) |
      RECURSION_AVAILABLE |
      (query.recursionDesired ? RECURSION_DESIRED : 0) |
      (reply.authoritative ? AUTHORITATIVE_ANSWER : 0),
    answers: [...(reply.answers ?? [])],
    authorities: [...(reply.authorities ?? [])],
    additionals: [...(reply.additionals ?? []), ...option],
  });
  // The question goes back byte by byte, whatever its type and its letters' case.
  message.writeUInt16BE(1, 4);
  return Buffer.concat([
    message.subarray(0, headerLength),
    query.question.bytes,
    message.subarray(headerLength),
  ]);
}

/** No answer can be given now. */
export const failure: Reply = { rcode: rcodes.serverFailure };
