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
