import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import type { TrafficLine } from '../registry/traffic';
import { route, RouterHarness, until } from './testing';
import { TrafficReport } from './traffic-report';

const routes = [
  route('web', 'myapp.com/', 'web.shop.service'),
  route('other', 'other.com/', 'web.shop.service'),
];
const host = { host: 'myapp.com' };

let harness: RouterHarness;
let told: readonly TrafficLine[];
const servers: Server[] = [];
const held: (() => void)[] = [];

beforeEach(async () => {
  told = [];
  const traffic = new TrafficReport({
    ...{ clock: new SystemClock(), random: new SystemRandom(), log: silentLogger, everyMs: 100 },
    tell: async (lines) => void (told = lines),
  });
  harness = new RouterHarness(routes, { traffic });
  await harness.start();
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  await harness.stop();
});

/** Answers by the path: `/500`, `/slow`, `/cut`; what asks for `/held` is answered when the test says so. */
async function announce(n: number, release: string): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/cut') request.socket.destroy();
    else if (request.url === '/held') held.push(() => response.end());
    else if (request.url === '/slow') void delay(60).then(() => response.end());
    else response.writeHead(request.url === '/500' ? 500 : 200).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await harness.announce(`shop/web.${n}`, server.address() as AddressInfo, release);
}

const lineOf = (release: string) => told.find((line) => line.release === release);

it('counts what each release has answered, by all routes, in the log’s times', async () => {
  await announce(1, 'v1');
  for (let n = 0; n < 20; n++) await harness.get('/', n % 2 ? host : { host: 'other.com' });
  for (const path of ['/500', '/cut']) await harness.get(path, host);
  await harness.get('/slow', host);
  await until('all are counted', () => lineOf('v1')?.requests === 23);
  expect(lineOf('v1')).toMatchObject({ formation: 'shop', service: 'web', errors: 2 });
  await until('all times are', () => lineOf('v1')?.durations.reduce((sum, count) => sum + count, 0) === 23);
  // Of the slow one: above 50 ms.
  const slow = (lineOf('v1')?.durations ?? []).slice(6).reduce((sum, count) => sum + count, 0);
  expect(slow).toBeGreaterThanOrEqual(1);
});

it('tells what is under way for as long as it is', async () => {
  await announce(1, 'v1');
  const answers = [harness.get('/held', host), harness.get('/held', { host: 'other.com' })];
  await until('both are told, by whichever route', () => lineOf('v1')?.open === 2);
  for (const answer of held.splice(0)) answer();
  await Promise.all(answers);
  await until('nothing is under way', () => lineOf('v1')?.requests === 2 && lineOf('v1')?.open === undefined);
});

it('goes on counting over reloads, and counts what comes later from nothing', async () => {
  await announce(1, 'v1');
  for (let n = 0; n < 5; n++) await harness.get('/', host);
  await until('they are counted', () => lineOf('v1')?.requests === 5);
  harness.routes.set([...routes, route('more', 'more.com/', 'web.shop.service')]);
  await until('it is taken up', async () => (await harness.get('/', { host: 'more.com' })).status === 200);
  const before = lineOf('v1')?.epoch;
  await until('it is counted in the new worker', () => (lineOf('v1')?.requests ?? 0) >= 6);
  await announce(2, 'v2');
  for (let n = 0; n < 10; n++) await harness.get('/', host);
  await until('both have got half', () => lineOf('v2')?.requests === 5);
  expect(lineOf('v1')?.epoch).toBe(before);
});
