import type { Socket } from 'node:net';

/** Below this, copying is cheaper than a second write. */
const copyBytes = 16 * 1024;

/** Writes text, in Latin-1, and what follows it, with one call to the system where that pays. False: wait for `drain`. */
export function writeBoth(socket: Socket, text: string, data: Buffer | undefined): boolean {
  if (!data || data.length === 0) return socket.write(text, 'latin1');
  if (data.length <= copyBytes) {
    const both = Buffer.allocUnsafe(text.length + data.length);
    both.write(text, 0, 'latin1');
    data.copy(both, text.length);
    return socket.write(both);
  }
  socket.cork();
  socket.write(text, 'latin1');
  const more = socket.write(data);
  socket.uncork();
  return more;
}
