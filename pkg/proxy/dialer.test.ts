import { type Clock, SystemClock } from '../base/clock';
import { outsideRules } from '../routing/outside';
import { RawServer } from '../testing/raw-connection';
import { freePort } from '../testing/tcp-proxy';
import { Dialer, type DialError, type Resolve } from './dialer';

const dialer = (resolve: Resolve, given: { resolveMs?: number; connectMs?: number; clock?: Clock } = {}) =>
  new Dialer({
    clock: new SystemClock(),
    resolve,
    resolveMs: 1_000,
    connectMs: 1_000,
    isSelf: () => false,
    ...given,
  });
const never: Resolve = () => Promise.reject(new Error('not to be asked'));
const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'connected',
    (error: DialError) => error.kind,
  );

describe('a dialer', () => {
  it('connects to the address that it has checked, whatever the name stands for afterwards', async () => {
    const server = await RawServer.start(undefined, '127.0.0.1');
    const answers = [['127.0.0.1'], ['192.0.2.99']];
    const resolve: Resolve = async () => answers.shift() ?? [];
    const place = { host: 'a.example.com', port: server.port, trusted: true };
    const one = dialer(resolve);
    for (const socket of [await one.connect(place), await one.connect(place)]) {
      expect(socket.remoteAddress).toBe('127.0.0.1');
      socket.destroy();
    }
    // Asked for once: the second took what is remembered.
    expect(answers).toHaveLength(1);
    await server.close();
  });

  it('goes on to the next address, and passes over those that are forbidden', async () => {
    const server = await RawServer.start();
    const place = { host: 'a.example.com', port: server.port, trusted: false };
    expect(await kindOf(dialer(async () => ['127.0.0.1', '::1']).connect(place))).toBe('forbidden');
    expect(server.connections).toHaveLength(0);
    const trusted = { ...place, trusted: true };
    const socket = await dialer(async () => ['::1', '127.0.0.1']).connect(trusted);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
    await server.close();
  });

  it('says what was wrong', async () => {
    const port = await freePort();
    expect(await kindOf(dialer(never).connect({ host: '127.0.0.1', port, trusted: true }))).toBe('absent');
    expect(await kindOf(dialer(never).connect({ host: '127.0.0.1', port, trusted: false }))).toBe(
      'forbidden',
    );
    const unknown: Resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    expect(await kindOf(dialer(unknown).connect({ host: 'a', port, trusted: false }))).toBe('absent');
    const failing: Resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }));
    expect(await kindOf(dialer(failing).connect({ host: 'a', port, trusted: false }))).toBe('unreachable');
    const silent: Resolve = () => new Promise(() => {});
    expect(await kindOf(dialer(silent, { resolveMs: 10 }).connect({ host: 'a', port, trusted: false }))).toBe(
      'late',
    );
    expect(await kindOf(dialer(async () => []).connect({ host: 'a', port, trusted: false }))).toBe('absent');
  });

  it('gives up on a host that takes no connection in time', async () => {
    const server = await RawServer.start();
    const clock = new SystemClock();
    // Time is over before anything can come over the network.
    jest.spyOn(clock, 'after').mockImplementation((_, callback) => {
      queueMicrotask(callback);
      return { dispose: () => {} };
    });
    try {
      const late = dialer(never, { clock, connectMs: 3_000 }).connect({
        host: '127.0.0.1',
        port: server.port,
        trusted: true,
      });
      await expect(late).rejects.toMatchObject({
        kind: 'late',
        message: `127.0.0.1:${server.port} took no connection within 3000 ms`,
      });
    } finally {
      await server.close();
    }
  });

  it('does not even look up what no rule could allow', async () => {
    const place = { host: 'example.org', port: 443, trusted: false, rules: outsideRules(['*.example.com']) };
    expect(await kindOf(dialer(never).connect(place))).toBe('forbidden');
  });

  it('asks again after a failure', async () => {
    const server = await RawServer.start();
    const answers = [Promise.reject(new Error('no')), Promise.resolve(['127.0.0.1'])];
    const one = dialer(() => answers.shift() as Promise<string[]>);
    const place = { host: 'a', port: server.port, trusted: true };
    expect(await kindOf(one.connect(place))).toBe('unreachable');
    (await one.connect(place)).destroy();
    await server.close();
  });
});
