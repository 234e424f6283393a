// From the announcement of an endpoint to the first request that it gets through the router, with 2,000 endpoints
// known, and from its withdrawal to the last; through a real node of the registry, over HTTP, and a real router.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../pkg/base/clock';
import { silentLogger } from '../pkg/base/log';
import { SystemRandom } from '../pkg/base/random';
import { RegistryClient, RegistryMirror } from '../pkg/registry/client';
import { RegistryNode } from '../pkg/registry/node';
import { HaproxyProcess } from '../pkg/router/haproxy-process';
import { Router } from '../pkg/router/router';
import { FakeRoutes, route } from '../pkg/router/testing';
import { print, quantile, say } from './lib/figure';
import { until } from './lib/run';

const ports = { registry: 13_721, router: 13_722, upstream: 13_723 };
const known = 2_000;
const services = 200;
const rounds = 150;
const token = 'bench';

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gb-'));
  const [clock, random] = [new SystemClock(), new SystemRandom()];
  const common = { clock, random, log: silentLogger };
  const upstream = createServer((_, response) => response.end('x')).listen(ports.upstream, '127.0.0.1');
  const url = `http://127.0.0.1:${ports.registry}`;
  const node = new RegistryNode({
    ...{ ...common, name: 'one', token, dataDir: join(directory, 'registry') },
    environment: () => ({ registry: url }),
  });
  await node.listen([{ host: '127.0.0.1', port: ports.registry }]);
  const client = new RegistryClient({ url, token, clock });
  const body = (port: number) => ({ host: '127.0.0.1', port, release: 'v1' });
  const key = (service: string, instance: string) => ({ formation: 'shop', service, instance });
  say(`announcing ${known} endpoints`);
  for (let n = 0; n < known; n++) {
    await client.announce(
      key(`s${n % services}`, String(1 + Math.floor(n / services))),
      body(ports.upstream),
    );
  }
  const mirror = new RegistryMirror({ ...common, url, token, name: 'router' });
  const table = Array.from({ length: services }, (_, n) =>
    route(`r${n}`, `s${n}.com/`, `s${n}.shop.service/`),
  );
  const router = new Router({
    ...{ ...common, registry: mirror, executor: 'one', stopMs: 500, maxConnections: 4_000 },
    routes: new FakeRoutes([...table, route('new', 'new.com/', 'new.shop.service/')]),
    haproxy: new HaproxyProcess({ directory: join(directory, 'haproxy'), clock, log: silentLogger }),
    ports: { bind: '127.0.0.1', http: ports.router },
    resolve: () => Promise.reject(new Error('no names')),
  });
  const ended = new AbortController();
  const running = Promise.all([router.run(ended.signal), mirror.run(ended.signal)]);
  const appeared: number[] = [];
  const vanished: number[] = [];
  try {
    await until('the router serves', 60_000, async () => (await statusOf('s0.com')) === 200);
    for (let round = 0; round < rounds; round++) {
      const announced = performance.now();
      await client.announce(key('new', '1'), body(ports.upstream));
      while ((await statusOf('new.com')) !== 200);
      appeared.push(performance.now() - announced);
      const withdrawn = performance.now();
      const gone = client.withdraw(key('new', '1'));
      while ((await statusOf('new.com')) === 200);
      vanished.push(performance.now() - withdrawn);
      await gone;
    }
  } finally {
    ended.abort(new Error('done'));
    await running.catch(() => {});
    await node.close();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(directory, { recursive: true, force: true });
  }
  report(`announced to first request, ${known} endpoints known`, appeared);
  report(`withdrawn to no request, ${known} endpoints known`, vanished);
}

function statusOf(host: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request({ port: ports.router, host: '127.0.0.1', headers: { host } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', () => resolve(0));
    sent.end();
  });
}

function report(figure: string, samples: readonly number[]): void {
  const common = { bench: 'endpoint', unit: 'ms', samples: samples.length };
  print({ ...common, figure: `${figure}, median`, value: quantile(samples, 0.5), target: '<= 50' });
  print({
    ...common,
    figure: `${figure}, 99th percentile`,
    value: quantile(samples, 0.99),
    target: '<= 200',
  });
}

void main();
