import { mkdtempSync, rmSync, truncateSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { compileRoute } from '../routing/compile';
import { VirtualClock } from '../testing/virtual-clock';
import { ownAnswer, readHeld } from './held-request';
import { LogSample } from './log-sample';
import { nearestRoutes } from './nearest-routes';
import { parseServerStats, trafficKeyOf } from './server-stats';
import { route } from './testing';
import { TrafficReport } from './traffic-report';

const key = { formation: 'shop', service: 'web', release: 'v1' };

describe('counters of a worker', () => {
  const text = [
    '# pxname,svname,scur,stot,req_tot,hrsp_5xx,econ,eresp,',
    'shop:web,1.web.shop:v1:0123456789,2,9,7,1,1,2,',
    'shop:web,hold,0,5,5,0,0,0,',
    'shop:web,x.db.other:-:0123456789,0,3,3,0,0,0,',
  ].join('\n');

  it('are those of instances', () => {
    expect(parseServerStats(text)).toEqual([
      { id: 'shop:web/1.web.shop:v1:0123456789', key, requests: 10, errors: 4, open: 2 },
      {
        id: 'shop:web/x.db.other:-:0123456789',
        key: { formation: 'other', service: 'db', release: '' },
        requests: 3,
        errors: 0,
        open: 0,
      },
    ]);
    expect(parseServerStats('Unknown command')).toEqual([]);
    expect(trafficKeyOf('router')).toBeUndefined();
  });

  it('are taken as what they grew by; those of a worker from before us are no business of ours', () => {
    const clock = new VirtualClock();
    const report = new TrafficReport({
      ...{ clock, random: new SystemRandom(), log: silentLogger },
      tell: async () => {},
    });
    const take = (worker: string, requests: number) =>
      report.take(worker, [{ id: 'a', key, requests, errors: 0, open: 0 }]);
    const counted = () => report.counters.lines()[0]?.requests ?? 0;
    take('1', 100);
    expect(counted()).toBe(0);
    take('1', 110);
    expect(counted()).toBe(10);
    // A reload: the new worker has counted all that it has since then.
    take('2', 3);
    expect(counted()).toBe(13);
    take('2', 200);
    expect(counted()).toBe(210);
    // Removed, and added again.
    take('2', 1);
    expect(counted()).toBe(211);
  });

  it('tell what is under way with all instances of a release, until nothing is', () => {
    const report = new TrafficReport({
      ...{ clock: new VirtualClock(), random: new SystemRandom(), log: silentLogger },
      tell: async () => {},
    });
    const take = (...open: number[]) =>
      report.take(
        '1',
        open.map((count, index) => ({ id: `${index}`, key, requests: 0, errors: 0, open: count })),
      );
    take(2, 0, 1);
    expect(report.counters.lines()).toMatchObject([{ ...key, open: 3 }]);
    take(1);
    expect(report.counters.lines()).toMatchObject([{ open: 1 }]);
    take();
    expect(report.counters.lines()[0]).not.toHaveProperty('open');
  });
});

describe('a sample of the log', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'log-'))));
  afterEach(() => rmSync(directory, { recursive: true }));
  const entry = (ms: number, release = 'v1') =>
    `{"time":1.1,"path":"/\\"ms\\":7","instance":"1.web.shop","release":"${release}","status":200,"bytes":1,"queueMs":0,"connectMs":0,"responseMs":1,"ms":${ms},"ended":"----"}\n`;

  it('is of the newest lines, whole ones, from when it is first looked at', async () => {
    const path = join(directory, 'access.log');
    writeFileSync(path, entry(1));
    const sample = new LogSample(path);
    expect(await sample.read()).toEqual([]);
    appendFileSync(path, entry(2) + '[NOTICE] no line of ours\n' + entry(3).slice(0, 50));
    expect(await sample.read()).toEqual([{ key, durationMs: 2 }]);
    appendFileSync(path, entry(3).slice(50));
    expect(await sample.read()).toEqual([{ key, durationMs: 3 }]);
    truncateSync(path, 0);
    appendFileSync(path, entry(4, '-'));
    expect(await sample.read()).toEqual([{ key: { ...key, release: '' }, durationMs: 4 }]);
  });

  it('is of all lines where there was no log at first', async () => {
    const path = join(directory, 'access.log');
    const sample = new LogSample(path);
    expect(await sample.read()).toEqual([]);
    writeFileSync(path, entry(1));
    expect(await sample.read()).toEqual([{ key, durationMs: 1 }]);
  });

  it('is bounded', async () => {
    const path = join(directory, 'access.log');
    writeFileSync(path, '');
    const sample = new LogSample(path);
    await sample.read();
    appendFileSync(path, entry(5).repeat(5_000));
    const { length } = await sample.read();
    expect(length).toBeGreaterThan(200);
    expect(length).toBeLessThan(600);
    expect(await sample.read()).toEqual([]);
  });
});

it('lines of the log that HAProxy has dropped are told once', async () => {
  const warned: unknown[] = [];
  const ended = new AbortController();
  const dropped = [0, 3, 5, 0];
  const clock = new VirtualClock();
  const report = new TrafficReport({
    ...{ clock, random: new SystemRandom(), everyMs: 2_000 },
    log: { ...silentLogger, warn: (_, fields) => void warned.push(fields) },
    tell: async () => {
      if (dropped.length === 0) ended.abort(new Error('done'));
    },
  });
  const send = async () => [`Pid: 7\nDroppedLogs: ${dropped.shift()}\nTainted: 0\n`, ''];
  const haproxy = { runtime: { send }, accessLog: { path: '/nowhere' }, pid: () => 6 };
  let over = false;
  const running = report.run(haproxy as never, ended.signal).then(() => (over = true));
  while (!over) {
    await clock.advance(2_000);
    // The log is a real file, if none that there is.
    await setImmediate();
  }
  await running;
  expect(warned).toEqual([{ lines: 3 }]);
});

describe('a held request', () => {
  const text = (lines: readonly string[]) => Buffer.from([...lines, '', 'body'].join('\r\n'));
  it('is known once its head is there, and passed on without our words, for one answer', () => {
    const lines = [
      'POST /a HTTP/1.1',
      'Host: x',
      'X-Gilliam-Hold: web.shop.service',
      'Connection: keep-alive',
    ];
    const bytes = text(lines);
    expect(readHeld(bytes.subarray(0, 40))).toBeUndefined();
    const held = readHeld(bytes);
    expect(held).toMatchObject({ method: 'POST', path: '/a', host: 'x', service: 'web.shop.service' });
    expect(String(held?.bytes)).toBe('POST /a HTTP/1.1\r\nHost: x\r\nconnection: close\r\n\r\nbody');
  });
  it('keeps what an upgrade needs', () => {
    const held = readHeld(text(['GET / HTTP/1.1', 'connection: upgrade', 'upgrade: websocket']));
    expect(String(held?.bytes)).toContain('connection: upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  it.each([
    ['no request', 'hello\r\n\r\n'],
    ['a head without an end', 'x'.repeat(70_000)],
  ])('bad input: %s', (_what, bytes) => {
    expect(() => readHeld(Buffer.from(bytes))).toThrow();
  });
  it('is answered without what could end a header', () => {
    expect(ownAnswer('404 Not Found', 'a\r\nb: c').split('\r\n').slice(0, 4)).toContain(
      'x-gilliam-reason: a??b: c',
    );
  });
});

describe('the nearest routes', () => {
  const routes = [
    route('a', 'shop.example.com/users', 'web.shop.service'),
    route('b', 'shop.example.com/orders/{id}', 'web.shop.service'),
    route('c', 'blog.example.com/', 'web.shop.service'),
    route('e', 'shop.example.com/get', 'web.shop.service', { methods: ['PUT', 'POST'] }),
    route('f', 'shop.example.com/beta', 'web.shop.service', {
      headers: [{ name: 'x-beta', match: { $case: 'present', value: true } }],
    }),
    route('d', '{name}.preview.example.com/', 'web.shop.service'),
  ].map(compileRoute);
  const ask = (host: string, path = '/') => nearestRoutes('no route', { method: 'GET', host, path }, routes);
  it.each([
    ['shp.example.com', '/', 'no route: nearest is shop.example.com'],
    ['shop.example.com', '/user?x=1', 'no route: nearest is /users'],
    ['blop.example.com', '/', 'no route: nearest are blog.example.com, shop.example.com'],
    ['far-away.org', '/', 'no route'],
    [
      'shop.example.com',
      '/get?x=1',
      'no route for this path takes the method GET: those that are taken are POST, PUT',
    ],
    ['shop.example.com', '/beta', 'the routes for this path ask for another header or query'],
    [`${'x'.repeat(10_000)}.com`, '/', 'no route'],
  ])('%s%s', (host, path, expected) => {
    expect(ask(host, path)).toBe(expected);
  });
});
