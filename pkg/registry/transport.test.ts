import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SystemClock } from '../base/clock';
import { token, until } from '../testing/registry-nodes';
import { HttpTransport } from './transport';

describe('connections to peers', () => {
  let server: Server;
  let address: string;
  let transport: HttpTransport;
  let open = 0;
  let accepted = 0;

  beforeEach(async () => {
    open = accepted = 0;
    server = createServer((_request, response) => void response.end('{}'));
    server.on('connection', (socket) => {
      open++;
      accepted++;
      socket.on('close', () => open--);
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
    transport.keepOnly([address]);
    await post();
    expect([open, accepted]).toEqual([1, 1]);
  });

  test('end when nobody has the address any more, with what is under way', async () => {
    await post();
    const underWay = post();
    transport.keepOnly([]);
    expect((await underWay).status).toBe(200);
    await until('they have ended', () => open === 0);
    expect((await post()).status).toBe(200);
  });
});
