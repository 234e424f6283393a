import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { connect } from '../client/client';
import { RegistryMirror } from '../registry/client';
import { FakeRegistry } from '../testing/fake-registry';
import { freePort } from '../testing/tcp-proxy';
import { ApiRouteSource } from './route-source';
import { FakeRoutes, route, RouterHarness, until, Upstream } from './testing';

jest.setTimeout(30_000);

const table = [route('web', 'a.com/', 'web.shop.service/')];

/** Knows nothing until it is told to. */
class LateRegistry extends FakeRegistry {
  know: () => void = () => {};
  readonly #synced = new Promise<void>((resolve) => (this.know = resolve));

  whenSynced(): Promise<void> {
    return this.#synced;
  }
}

const statusOf = (harness: RouterHarness) =>
  harness.get('/', { host: 'a.com' }).then(
    ({ status }) => status,
    () => 0,
  );

test('at its first start, without API and without registry, it listens and says why it has nothing', async () => {
  const common = { clock: new SystemClock(), random: new SystemRandom(), log: silentLogger };
  const nobody = `127.0.0.1:${await freePort()}`;
  const client = connect({ address: nobody, token: 'x', stage: 'local' });
  const registry = new RegistryMirror({ ...common, url: `http://${nobody}`, token: 'x', name: 'router' });
  const directory = mkdtempSync(join(tmpdir(), 'gr-'));
  const file = join(directory, 'routes.json');
  const routes = new ApiRouteSource({ ...common, client, name: 'one', file });
  const harness = new RouterHarness([], { registry, routes });
  const ended = new AbortController();
  const following = registry.run(ended.signal);
  await harness.start({ alone: true });
  await until('it listens', async () => (await statusOf(harness)) !== 0, 5_000);
  const answer = await harness.get('/', { host: 'a.com' });
  expect(answer).toMatchObject({ status: 404, body: '404: no route for this host\n' });
  await harness.stop();
  ended.abort(new Error('done'));
  await following;
  client.close();
  rmSync(directory, { recursive: true, force: true });
});

test('routes without a registry are 503; with it they are served', async () => {
  const upstream = await Upstream.start('one');
  const registry = new LateRegistry();
  const harness = new RouterHarness([], { registry, routes: new FakeRoutes(table) });
  await harness.start({ alone: true });
  await until('it listens', async () => (await statusOf(harness)) === 503, 5_000);
  await registry.put('shop/web.1', { host: '127.0.0.1', port: upstream.port });
  registry.know();
  await until('it serves', async () => (await statusOf(harness)) === 200, 5_000);
  await harness.stop();
  upstream.close();
});

test('invariant 6: HAProxy that is killed while registry and API are away comes back with what it had', async () => {
  const upstream = await Upstream.start('one');
  const harness = new RouterHarness(table);
  await harness.start();
  await harness.announce('shop/web.1', upstream);
  const pid = harness.haproxy.pid() as number;
  await harness.abandon();
  const next = new RouterHarness([], {
    registry: new LateRegistry(),
    routes: { follow: () => new Promise(() => {}) },
    haproxy: harness.haproxy,
  });
  next.httpPort = harness.httpPort;
  next.httpsPort = harness.httpsPort;
  await next.start({ alone: true });
  process.kill(pid, 'SIGKILL');
  await until(
    'it serves again',
    async () => (await statusOf(next)) === 200 && harness.haproxy.pid() !== pid,
    8_000,
  );
  upstream.close();
  await next.stop();
  process.kill(harness.haproxy.pid() as number, 'SIGTERM');
  await until('HAProxy has ended', () => harness.haproxy.pid() === undefined);
  rmSync(harness.directory, { recursive: true, force: true });
});

test('files of last time that HAProxy refuses do not keep it from serving', async () => {
  const harness = new RouterHarness([]);
  await harness.start();
  await harness.abandon();
  process.kill(harness.haproxy.pid() as number, 'SIGTERM');
  await until('HAProxy has ended', () => harness.haproxy.pid() === undefined);
  writeFileSync(join(harness.directory, 'current', 'conf', '00-gilliam.cfg'), 'of another version\n');
  await harness.start({ alone: true });
  await until('it listens', async () => (await statusOf(harness)) === 404, 8_000);
  await harness.stop();
});
