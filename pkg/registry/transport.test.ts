import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { SystemClock } from '../base/clock';
import { token, until } from '../testing/registry-nodes';
import { HttpTransport } from './transport';

describe('connections to peers', () => {
  let server: Server;
  let address: string;
  let transport: HttpTransport;
  let open: Set<Socket>;

  beforeEach(async () => {
    const sockets = (open = new Set<Socket>());
    server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => void response.end('{}'));
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    transport = new HttpTransport({ token, clock: new SystemClock(), timeoutMs: 1_000 });
  });

  afterEach(async () => {
    await transport.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const post = () => transport.post(address, '/-/gossip', '{}');

  test('are kept', async () => {
    await post();
    const [first] = open;
    transport.keepOnly([address]);
    for (let sent = 0; sent < 5; sent++) await post();
    expect(open).toContain(first);
  });

  test('end when nobody has the address any more, with what is under way', async () => {
    await post();
    const underWay = post();
    transport.keepOnly([]);
    expect((await underWay).status).toBe(200);
    await until('they have ended', () => open.size === 0);
    expect((await post()).status).toBe(200);
  });
});
