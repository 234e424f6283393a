import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { boundAccessLog } from './access-log';
import { RouterHarness, route, sendRaw, until, Upstream } from './testing';

jest.setTimeout(60_000);

describe('the access log', () => {
  let upstream: Upstream;
  let router: RouterHarness;

  beforeEach(async () => {
    upstream = await Upstream.start('one');
    router = new RouterHarness([route('all', 'myapp.com/', 'web.shop.service')]);
    await router.announce('shop/web.1', upstream);
    await router.start();
  });

  afterEach(async () => {
    await router.stop();
    upstream.close();
  });

  const request = (path: string) => router.get(path, { host: 'myapp.com' });
  const paths = () => router.log().map(({ path }) => path);
  const logged = (path: string) => until(`${path} is logged`, () => paths().includes(path));

  test('goes on where it ended when HAProxy is started again', async () => {
    await request('/a');
    await logged('/a');
    const before = router.haproxy.pid() as number;
    process.kill(before, 'SIGKILL');
    await until('another HAProxy serves', async () => {
      const now = router.haproxy.pid();
      if (now === undefined || now === before) return false;
      return request('/up').then(
        ({ status }) => status === 200,
        () => false,
      );
    });
    await request('/b');
    await logged('/b');
    expect(paths()).toContain('/a');
    expect(readFileSync(router.haproxy.accessLog.path, 'utf8')).not.toContain('\0');
  });

  test('is JSON whatever is sent for a host, and names the host in one form', async () => {
    const { httpPort } = router;
    const ask = (host: string, path: string) =>
      sendRaw(httpPort, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await ask('my"\\app', '/quoted')).toContain(' 400 ');
    expect(await ask('my"\\app', '/../both')).toContain(' 400 ');
    expect(await ask('my\xffapp.com', '/latin')).toContain(' 400 ');
    expect(await ask(`my"${'\xff'.repeat(4_000)}`, '/long')).toContain(' 400 ');
    const hops = 'X-Gilliam-Hop: 1\r\n'.repeat(10).trim();
    expect(await ask(`my"app\r\n${hops}`, '/round')).toContain(' 400 ');
    expect(await ask(`myapp.com\r\n${hops}`, '/round')).toContain(' 508 ');
    expect(await ask('MyApp.com.:80', '/written')).toContain(' 200 ');
    await logged('/written');
    const lines = readFileSync(router.haproxy.accessLog.path, 'utf8').split('\n');
    expect(lines.filter((line) => line.startsWith('{'))).toHaveLength(router.log().length);
    expect(router.log().map(({ host, route, path }) => [host, route, path])).toEqual([
      ['my"\\app', '-', '/quoted'],
      ['my"\\app', '-', '/../both'],
      ['my\xffapp.com', '-', '/latin'],
      ['?', '-', '/long'],
      ['my"app', '-', '/round'],
      ['myapp.com', 'shop:all', '/round'],
      ['myapp.com', 'shop:all', '/written'],
    ]);
  });

  test('names the route also where several share a backend', async () => {
    router.routes.set([
      route('all', 'myapp.com/', 'web.shop.service'),
      route('user', 'myapp.com/user/{name}', 'web.shop.service/{name}'),
    ]);
    await until('it is taken up', async () => (await request('/user/ada')).body.includes('"url":"/ada"'));
    await request('/user/ada/more');
    await request('/user/ada');
    await logged('/user/ada/more');
    await until('the last is logged', () => router.log().at(-1)?.path === '/user/ada');
    expect(
      router
        .log()
        .slice(-2)
        .map(({ path, route, instance }) => [path, route, instance]),
    ).toEqual([
      ['/user/ada/more', 'shop:all', '1.web.shop'],
      ['/user/ada', 'shop:user', '1.web.shop'],
    ]);
  });

  /** Cuts the log as soon as it holds anything. */
  async function cut(): Promise<void> {
    const { path } = router.haproxy.accessLog;
    rmSync(`${path}.1`, { force: true });
    const ended = new AbortController();
    const makeAppend = () => router.haproxy.makeLogAppend();
    const bounding = boundAccessLog(
      { path, makeAppend, clock: new SystemClock(), log: silentLogger, maxBytes: 1, everyMs: 10 },
      ended.signal,
    );
    await until('it is moved aside', () => existsSync(`${path}.1`) && statSync(path).size === 0);
    ended.abort();
    await bounding;
  }

  async function expectCut(before: string, after: string): Promise<void> {
    const { path } = router.haproxy.accessLog;
    await request(before);
    await logged(before);
    await cut();
    await request(after);
    await logged(after);
    expect(readFileSync(path, 'utf8')).not.toContain('\0');
    expect(paths()).toEqual([after]);
    expect(readFileSync(`${path}.1`, 'utf8')).toContain(`"path":"\\${before}"`);
  }

  test('begins anew, without a hole, when it was moved aside', async () => {
    await expectCut('/a', '/b');
    await expectCut('/c', '/d');
  });

  test('begins anew after reloads, for a controller that has found HAProxy', async () => {
    await request('/a');
    await logged('/a');
    await router.haproxy.reload();
    await router.abandon();
    await router.start();
    await expectCut('/b', '/c');
    await router.haproxy.reload();
    await expectCut('/d', '/e');
  });

  test('is left as it is when nobody can make HAProxy append', async () => {
    const { path } = router.haproxy.accessLog;
    await request('/a');
    await logged('/a');
    for (const pid of holders(path)) {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sh\n') process.kill(Number(pid), 'SIGKILL');
    }
    await until('the keeper has ended', async () =>
      router.haproxy.makeLogAppend().then(
        () => false,
        (error: Error) => /cannot be cut|keeper/.test(error.message),
      ),
    );
    expect(paths()).toContain('/a');
  });

  test('is open to nobody without HAProxy', async () => {
    const { path } = router.haproxy.accessLog;
    expect(holders(path)).not.toHaveLength(0);
    await router.abandon();
    process.kill(router.haproxy.pid() as number, 'SIGTERM');
    await until('everybody has ended', () => holders(path).length === 0);
  });
});

/** The processes that have the file as their output. */
function holders(path: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/fd/1`) === path;
    } catch {
      return false;
    }
  });
}
