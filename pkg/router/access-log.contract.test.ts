import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { boundAccessLog } from './access-log';
import { RouterHarness, route, until, Upstream } from './testing';

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
  });

  test('begins anew, without a hole, when it was moved aside', async () => {
    const path = router.haproxy.accessLog;
    await request('/a');
    await logged('/a');
    const ended = new AbortController();
    const bounding = boundAccessLog(
      { path, clock: new SystemClock(), log: silentLogger, maxBytes: 1, everyMs: 10 },
      ended.signal,
    );
    await until('it is moved aside', () => existsSync(`${path}.1`) && statSync(path).size === 0);
    ended.abort();
    await bounding;
    await request('/b');
    await logged('/b');
    expect(readFileSync(path, 'utf8')).not.toContain('\0');
    expect(paths()).toEqual(['/b']);
    expect(readFileSync(`${path}.1`, 'utf8')).toContain('"path":"\\/a"');
  });

  test('has one writer, and none without HAProxy', async () => {
    const { accessLog } = router.haproxy;
    expect(writersOf(accessLog)).toBe(1);
    await router.abandon();
    process.kill(router.haproxy.pid() as number, 'SIGTERM');
    await until('the writer has ended', () => writersOf(accessLog) === 0);
  });
});

/** How many processes write to the file. */
function writersOf(path: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/fd/1`) === path;
    } catch {
      return false;
    }
  }).length;
}
