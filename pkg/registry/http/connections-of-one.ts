import type { Server, Socket } from 'node:net';

/** Ends connections of an address that has too many: one instance is not to take all that the machine can have open. */
export function limitConnections(server: Server, maxOfOne: number): void {
  const counts = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address = '' } = socket;
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    socket.once('close', () => {
      const left = (counts.get(address) ?? 1) - 1;
      if (left > 0) counts.set(address, left);
      else counts.delete(address);
    });
    if (count > maxOfOne) socket.destroy();
  });
}
