import { once } from 'node:events';
import { connect as connectTo } from 'node:net';
import { SystemClock, sleep } from '../../pkg/base/clock';
import { connect } from '../../pkg/client/client';
import { ApiHarness } from '../../pkg/testing/api-harness';
import { freePort } from '../../pkg/testing/tcp-proxy';
import { ApiRelay } from './api-relay';

let api: ApiHarness;
beforeEach(async () => (api = await ApiHarness.start()));
afterEach(() => api.close());

test('instances reach the API through it, with a token and not without; a control plane that is away is away', async () => {
  const port = await freePort();
  const relay = new ApiRelay(api.address);
  await relay.listen('127.0.0.1', port);
  const address = `127.0.0.1:${port}`;
  const client = connect({ address, token: 'user-token' });
  const stranger = connect({ address });
  try {
    expect((await client.formations.listFormations({})).formations).toEqual([]);
    await expect(stranger.formations.listFormations({})).rejects.toThrow('no token was given');
    await api.stopServer();
    await expect(client.formations.listFormations({})).rejects.toThrow();
    await api.startServer();
    for (let tries = 0; ; tries++) {
      const done = await client.formations.listFormations({}).catch(() => undefined);
      if (done) break;
      expect(tries).toBeLessThan(100);
    }
  } finally {
    client.close();
    stranger.close();
    relay.close();
  }
});

test('one instance cannot take all connections', async () => {
  const port = await freePort();
  const relay = new ApiRelay(api.address);
  await relay.listen('127.0.0.1', port);
  const open = async (localAddress: string) => {
    const socket = connectTo({ host: '127.0.0.1', port, localAddress });
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const greedy = await Promise.all(Array.from({ length: 300 }, () => open('127.0.0.2')));
  await sleep(new SystemClock(), 100);
  expect(greedy.filter(({ closed }) => !closed)).toHaveLength(32);
  const client = connect({ address: `127.0.0.1:${port}`, token: 'user-token' });
  try {
    expect((await client.formations.listFormations({})).formations).toEqual([]);
    for (const socket of greedy) socket.destroy();
    await sleep(new SystemClock(), 100);
    const again = await open('127.0.0.2');
    await sleep(new SystemClock(), 50);
    expect(again.closed).toBe(false);
    again.destroy();
  } finally {
    client.close();
    relay.close();
  }
});
