import type { Socket } from 'node:net';
import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { framed } from './forwarder';

export interface TcpSessionOptions {
  readonly socket: Socket;
  /** Undefined: nothing is answered. */
  readonly answer: (message: Buffer) => Promise<Buffer | undefined>;
  readonly clock: Clock;
  /** A connection that brings no whole query for so long is closed. */
  readonly idleMs: number;
}

/** Queries of one connection that are answered at once; more of them wait in the kernel. */
const maxAtOnce = 16;
/** Answers that a client does not take: he is not worth the memory. */
const maxUnsentBytes = 1 << 20;

/** Answers the queries of a connection, each as soon as it can be (RFC 7766). */
export function serveTcp({ socket, answer, clock, idleMs }: TcpSessionOptions): void {
  let received = Buffer.alloc(0);
  let underWay = 0;
  let idle: Disposable = clock.after(idleMs, () => socket.destroy());

  const serve = async (message: Buffer) => {
    underWay++;
    idle.dispose();
    const reply = await answer(message).catch(() => undefined);
    underWay--;
    if (socket.destroyed) return;
    if (reply) socket.write(framed(reply));
    if (socket.writableLength > maxUnsentBytes) socket.destroy();
    if (underWay === 0) {
      idle.dispose();
      idle = clock.after(idleMs, () => socket.destroy());
    }
    take();
    if (underWay === 0 && socket.readableEnded) socket.end();
  };

  const take = () => {
    while (underWay < maxAtOnce && received.length >= 2) {
      const length = received.readUInt16BE(0);
      if (received.length < 2 + length) break;
      const message = received.subarray(2, 2 + length);
      received = received.subarray(2 + length);
      void serve(message);
    }
    if (underWay < maxAtOnce) socket.resume();
    else socket.pause();
  };

  socket.setNoDelay(true);
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    take();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => idle.dispose());
  // What was asked before the end is still answered; a client that only listens needs no idle connection.
  socket.on('end', () => {
    if (underWay === 0) socket.end();
  });
}
