import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { makeNode, until } from '../../testing/registry-nodes';

test('an address that takes all connections is held back, and others are not', async () => {
  const node = makeNode('e1', { limits: { connectionsPerCaller: 3 } });
  const [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
  const open = (localAddress: string): Socket =>
    connect({ host: '127.0.0.1', port, localAddress }).on('error', () => {});
  const isAnswered = async (socket: Socket): Promise<boolean> => {
    const data = once(socket, 'data').then(([answer]) => String(answer).includes('200 OK'));
    const closed = once(socket, 'close').then(() => false);
    socket.write('GET /shop HTTP/1.1\r\nhost: x\r\n\r\n');
    return Promise.race([data, closed]).finally(() => socket.destroy());
  };
  const greedy = Array.from({ length: 6 }, () => open('127.0.0.2'));
  try {
    await until('three are turned away', () => greedy.filter(({ closed }) => closed).length === 3);
    expect(await isAnswered(open('127.0.0.3'))).toBe(true);
    // Those that are over count no more.
    for (const socket of greedy) socket.destroy();
    await until('the same address is answered again', () => isAnswered(open('127.0.0.2')));
  } finally {
    for (const socket of greedy) socket.destroy();
    await node.close();
  }
});
