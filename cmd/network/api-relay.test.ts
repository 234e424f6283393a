import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTo } from 'node:net';
import { type KeyPair, makeAuthority, makeServerCertificate } from '../../pkg/certificates/certificate';
import { connect } from '../../pkg/client/client';
import { ApiHarness, eventually } from '../../pkg/testing/api-harness';
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
    await eventually(async () => expect((await client.formations.listFormations({})).formations).toEqual([]));
  } finally {
    client.close();
    stranger.close();
    relay.close();
  }
});

test('of several control planes, the first that accepts is reached', async () => {
  const port = await freePort();
  const relay = new ApiRelay(`127.0.0.1:1,${api.address}`);
  await relay.listen('127.0.0.1', port);
  const client = connect({ address: `127.0.0.1:${port}`, token: 'user-token' });
  try {
    expect((await client.formations.listFormations({})).formations).toEqual([]);
  } finally {
    client.close();
    relay.close();
  }
});

describe('where the control plane asks for TLS', () => {
  let authority: KeyPair;
  beforeEach(async () => {
    const now = new Date();
    authority = await makeAuthority({ title: 'test', now, days: 1 });
    const hosts = ['127.0.0.1', 'localhost'];
    const made = await makeServerCertificate({ title: 'API', hosts, now, days: 1 }, authority);
    await api.stopServer();
    const tls = { key: made.privateKey, certificate: made.certificate };
    await api.startServer({ listen: { port: 0, tls } });
  });

  const formationsBy = async (host: string, ca: string) => {
    const port = await freePort();
    const relay = new ApiRelay(api.address.replace('127.0.0.1', host), ca);
    await relay.listen('127.0.0.1', port);
    const client = connect({ address: `127.0.0.1:${port}`, token: 'user-token' });
    try {
      return (await client.formations.listFormations({}, { deadlineMs: 3_000 })).formations;
    } finally {
      client.close();
      relay.close();
    }
  };

  test.each(['127.0.0.1', 'localhost'])('instances need not speak it: %s', async (host) => {
    expect(await formationsBy(host, authority.certificate)).toEqual([]);
  });

  test('nothing is said to one that is not of the stage, or is another', async () => {
    const other = await makeAuthority({ title: 'test', now: new Date(), days: 1 });
    await expect(formationsBy('127.0.0.1', other.certificate)).rejects.toThrow();
    await expect(formationsBy('127.0.0.2', authority.certificate)).rejects.toThrow();
  });
});

/** Like a machine that is switched off, it does not answer: it is stopped, and no more connections fit in its queue. */
async function silentServer(): Promise<{ readonly address: string; end(): void }> {
  const listen = `require('net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, function () {
    console.log(this.address().port);
  })`;
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  const port = Number(text.toString());
  const queued = Array.from({ length: 8 }, () =>
    connectTo({ host: '127.0.0.1', port }).on('error', () => {}),
  );
  return {
    address: `127.0.0.1:${port}`,
    end: () => {
      for (const socket of queued) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

test('one that says nothing keeps nobody from the next', async () => {
  const silent = await silentServer();
  const port = await freePort();
  const relay = new ApiRelay(`${silent.address},${api.address}`, undefined, 200);
  await relay.listen('127.0.0.1', port);
  const client = connect({ address: `127.0.0.1:${port}`, token: 'user-token' });
  try {
    expect((await client.formations.listFormations({})).formations).toEqual([]);
  } finally {
    client.close();
    relay.close();
    silent.end();
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
  const held = () => greedy.filter(({ closed }) => !closed);
  await eventually(() => expect(held().length).toBeLessThanOrEqual(32));
  const client = connect({ address: `127.0.0.1:${port}`, token: 'user-token' });
  try {
    expect((await client.formations.listFormations({})).formations).toEqual([]);
    // No more than were too many were turned away.
    expect(held()).toHaveLength(32);
    for (const socket of greedy) socket.destroy();
    // From the same address again, once it is seen that they are closed.
    await eventually(async () => {
      const socket = await open('127.0.0.2');
      const turnedAway = once(socket, 'close').then(() => true);
      const answered = once(socket, 'data').then(() => false);
      // How HTTP/2 begins: the API answers with its settings.
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
      expect(await Promise.race([turnedAway, answered])).toBe(false);
      socket.destroy();
    });
  } finally {
    client.close();
    relay.close();
  }
});
