import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
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

  test('is JSON whatever is asked for, at once or by the rules for what is not so simple', async () => {
    const asked = ['/a?say="hi"', '/a?b=c\\d', '/a.b/c', '/%41', '/"', '/a?plain[]=1&b=/'];
    for (const path of asked) {
      await sendRaw(router.httpPort, `GET ${path} HTTP/1.1\r\nHost: myapp.com\r\nConnection: close\r\n\r\n`);
    }
    await logged(asked.at(-1) as string);
    expect(paths()).toEqual(asked);
    expectJson();
  });

  test('names the route also where several share a backend', async () => {
    router.routes.set([
      route('all', 'myapp.com/', 'web.shop.service'),
      route('user', 'myapp.com/user/{name}', 'web.shop.service/{name}'),
    ]);
    await until('it is taken up', async () => (await request('/user/ada')).body.includes('"url":"/ada"'));
    await request('/user/ada/more');
    await logged('/user/ada/more');
    await request('/user/ada');
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
    const bounding = boundAccessLog(
      {
        ...{ path, clock: new SystemClock(), log: silentLogger, maxBytes: 1, everyMs: 10 },
        makeAppend: () => router.haproxy.makeLogAppend(),
        wasCut: () => router.haproxy.logWasCut(),
      },
      ended.signal,
    );
    // A blank is all that there is.
    await until('it is moved aside', () => existsSync(`${path}.1`) && statSync(path).size === 1);
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
    expect(readFileSync(`${path}.1`, 'utf8')).toContain(`"path":"${before}"`);
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

  test('begins anew, without a hole, before a new worker has written a line', async () => {
    await request('/a');
    await logged('/a');
    await router.haproxy.reload();
    await cut();
    await request('/b');
    await logged('/b');
    expect(paths()).toEqual(['/b']);
    expectJson();
  });

  /** Each line, but what HAProxy says of itself. */
  function expectJson(): void {
    const lines = readFileSync(router.haproxy.accessLog.path, 'utf8').split('\n').slice(0, -1);
    for (const line of lines.filter((one) => one !== '' && !one.startsWith('Proxy '))) {
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    }
  }

  /** Many at once, over kept connections, so that threads of HAProxy come to the log together. */
  async function saturate(below: string, count: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const one = () =>
      new Promise<void>((resolve, reject) => {
        const options = { ...{ agent, host: '127.0.0.1', port: router.httpPort, path: `${below}/${left}` } };
        httpRequest({ ...options, headers: { host: 'myapp.com' } }, (answer) => {
          answer.resume();
          answer.on('end', resolve);
        })
          .on('error', reject)
          .end();
      });
    let left = count;
    const client = async () => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: 64 }, client));
    agent.destroy();
  }

  test('has one line for each request under load, or it is counted as dropped, after a reload too', async () => {
    for (const below of ['/first', '/second']) {
      await saturate(below, 4_000);
      const own = () => paths().filter((path) => String(path).startsWith(`${below}/`));
      const dropped = async () =>
        Number(/^DroppedLogs: ([0-9]+)$/m.exec(await router.haproxy.runtime.ask('show info'))?.[1]);
      await until('all are logged', async () => own().length + (await dropped()) === 4_000);
      expect(new Set(own()).size).toBe(own().length);
      await router.haproxy.reload();
    }
    expectJson();
  });

  test('is JSON for connections that come to no request, too', async () => {
    await sendRaw(router.httpsPort, 'this is no TLS\r\n\r\n', 300);
    await until('it is logged', () => router.log().some(({ error }) => /handshake/i.test(String(error))));
    await sendRaw(router.httpPort, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 300);
    await until('what is refused is, too', () =>
      router.log().some(({ error }) => error === 'no whole request of HTTP'),
    );
    await router.haproxy.reload();
    expectJson();
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
