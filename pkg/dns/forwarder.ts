import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { type Clock, deadline } from '../base/clock';
import { UnavailableError } from '../base/errors';
import type { Random } from '../base/random';
import { headerLength, type Query, rcodes, readQuestion } from './query';
import type { Upstream, Upstreams } from './resolv-conf';

export interface ForwarderOptions {
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly random: Random;
  /** For one try at one server. */
  readonly tryMs: number;
  /** For all of it. */
  readonly totalMs: number;
}

/**
 * Asks others, in the way that we were asked: what comes over UDP and is truncated there is asked for again over TCP by
 * the asker himself. The message is passed on as it is, EDNS included; only its id is another, from a port of its own, so
 * that nobody can guess them.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The answer of the first server that has one; undefined where none answers in time. */
  async forward(query: Query, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const { upstreams, clock, tryMs, totalMs } = this.#options;
    const servers = upstreams();
    const endMs = clock.monotonic() + totalMs;
    let refused: Buffer | undefined;
    // Twice each: a datagram gets lost.
    for (const upstream of transport === 'udp' ? [...servers, ...servers] : servers) {
      const leftMs = endMs - clock.monotonic();
      if (leftMs <= 0) break;
      const answer = await this.#ask(upstream, query, transport, Math.min(tryMs, leftMs));
      if (!answer) continue;
      if (!isRefusal(answer)) return answer;
      refused = answer;
      if (servers.length === 1) break;
    }
    return refused;
  }

  async #ask(
    upstream: Upstream,
    query: Query,
    transport: 'udp' | 'tcp',
    limitMs: number,
  ): Promise<Buffer | undefined> {
    const limit = deadline(this.#options.clock, limitMs);
    const id = Math.floor(this.#options.random.next() * 65_536);
    const message = withId(query.bytes, id);
    try {
      const answer =
        transport === 'udp'
          ? await askDatagram(upstream, message, limit.signal)
          : await askStream(upstream, message, limit.signal);
      return withId(answer, query.id);
    } catch {
      return undefined;
    } finally {
      limit.dispose();
    }
  }
}

function isRefusal(answer: Buffer): boolean {
  const rcode = (answer[3] as number) & 15;
  return rcode === rcodes.serverFailure || rcode === rcodes.refused || rcode === rcodes.notImplemented;
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** Whether a message answers ours: anybody can send one. */
function answers(message: Buffer, asked: Buffer): boolean {
  if (message.length < headerLength || message.readUInt16BE(0) !== asked.readUInt16BE(0)) return false;
  if (((message[2] as number) & 0x80) === 0) return false;
  // A server that could not read the question does not repeat it.
  if (message.readUInt16BE(4) === 0) return isRefusal(message) || ((message[3] as number) & 15) !== 0;
  const one = readQuestion(message);
  const other = readQuestion(asked);
  return one !== undefined && other !== undefined && one.bytes.equals(other.bytes);
}

function askDatagram({ host, port }: Upstream, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host.split('%')[0] as string) ? 'udp6' : 'udp4');
    let over = false;
    const end = (act: () => void) => {
      if (over) return;
      over = true;
      signal.removeEventListener('abort', onAbort);
      socket.close();
      act();
    };
    const onAbort = () => end(() => reject(new UnavailableError('no answer in time')));
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (answer) => {
      if (answers(answer, message)) end(() => resolve(answer));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    // A connected socket hears of a port that nobody listens at, and of nobody else's datagrams.
    socket.connect(port, host, () => {
      if (over) return;
      socket.send(message, (error) => {
        if (error) end(() => reject(error));
      });
    });
  });
}

function askStream({ host, port }: Upstream, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    let received = Buffer.alloc(0);
    const end = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      act();
    };
    const onAbort = () => end(() => reject(new UnavailableError('no answer in time')));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('close', () => end(() => reject(new UnavailableError('closed without an answer'))));
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length < 2 + length) return;
      const answer = received.subarray(2, 2 + length);
      end(() =>
        answers(answer, message) ? resolve(answer) : reject(new UnavailableError('not our answer')),
      );
    });
    socket.write(framed(message));
  });
}

/** A message as TCP carries it: its length before it. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}
