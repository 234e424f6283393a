import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Route } from '../resource/objects';
import { compileRoute } from '../routing/compile';
import { compareRoutes } from '../routing/order';
import type { Backend } from './backend';
import { compileStructure, serviceFile, serviceText } from './configuration';
import type { Server } from './servers';
import type { Service } from './service-names';
import { defaultTimes, type Settings } from './settings';
import { route } from './testing';

const settings: Settings = {
  ports: { bind: '127.0.0.1', http: 8080, https: 8443 },
  socket: '/run/gilliam/admin.sock',
  maxConnections: 4_000,
  times: defaultTimes,
  user: 'nobody',
  group: 'nogroup',
};

const web = (n: number, release: string): Server => ({
  ...{ name: `${n}.web.shop:${release}:0`, address: '172.17.0.2', port: 8080 + n, weight: 1 },
});

/** All files of a generation, one behind the other. */
function render(routes: readonly Route[], known: readonly Service[], serversIn: (b: Backend) => Server[]) {
  const ordered = routes.map(compileRoute).sort(compareRoutes);
  const { files, backends, certificates } = compileStructure(ordered, known, settings);
  const services = [...backends].map(
    ([service, list]) => [serviceFile(service), serviceText(list, serversIn)] as const,
  );
  return [...files, ...services, ...certificates]
    .map(([name, content]) => `==> ${name}\n${content}`)
    .join('\n');
}

/** `UPDATE_GOLDEN=1 npx jest …` writes them anew: read the difference before committing it. */
function expectGolden(file: string, text: string): void {
  const path = join(__dirname, 'testdata', file);
  if (process.env.UPDATE_GOLDEN) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

describe('the configuration', () => {
  it('of no routes', () => {
    expectGolden(
      'empty.txt',
      render([], [], () => []),
    );
  });

  it('of hosts and paths: maps alone', () => {
    const routes = [
      route('web', 'myapp.com/', 'web.shop.service/'),
      route('user', 'myapp.com/user/{username}', 'web.shop.service/{username}'),
      route('health', 'myapp.com/health', 'web.shop.service/up'),
      route('orders', 'myapp.com/orders/{id}', 'web.shop.service/o/{id}', { methods: ['GET', 'HEAD'] }),
      route('old', 'old.myapp.com/{rest:.*}', '', {
        redirect: { location: 'https://myapp.com/{rest}', code: 301 },
      }),
    ];
    expectGolden(
      'paths.txt',
      render(routes, [{ service: 'web', formation: 'shop' }], () => [web(1, 'v1'), web(2, 'v2')]),
    );
  });

  it('of all that a route may ask for: variables in names, conditions, policies, a certificate', () => {
    const routes = [
      route('tenant', '{acct}.api.myapp.com/user/{rest:.*}', 'api.user-{acct}.service/{rest}'),
      route('beta', 'myapp.com/cart/', 'web.shop.service/beta/', {
        headers: [{ name: 'X-Beta', match: { $case: 'value', value: 'yes' } }],
        query: [{ name: 'try', match: { $case: 'regex', value: '[0-9]+' } }],
      }),
      route('cart', 'myapp.com/cart/', 'web.shop.service/', {
        sticky: { cookie: 'cart' },
        rateLimit: { requests: 10, periodMs: 1_000 },
        timeouts: { responseMs: 5_000, idleMs: 0 },
        retries: 0,
        requestHeaders: [{ action: 'ACTION_SET' as never, name: 'X-Part', value: "100% 'cart'" }],
        responseHeaders: [{ action: 'ACTION_REMOVE' as never, name: 'Server', value: '' }],
        tls: { certificate: 'CERTIFICATE', privateKey: 'KEY', development: false, fingerprint: '' },
      }),
    ];
    const known = [
      { service: 'web', formation: 'shop' },
      { service: 'api', formation: 'user-acme' },
      { service: 'api', formation: 'other' },
    ];
    expectGolden(
      'policies.txt',
      render(routes, known, ({ service }) => (service?.service === 'web' ? [web(1, 'v1')] : [])),
    );
  });

  it('bounds the silence of tunnels as it was asked to, also where answers have the same bound', () => {
    const routes = [
      route('chat', 'myapp.com/chat', 'web.shop.service', { timeouts: { responseMs: 0, idleMs: 60_000 } }),
    ];
    const text = render(routes, [{ service: 'web', formation: 'shop' }], () => [web(1, 'v1')]);
    expect(text).toContain('timeout tunnel 60000ms');
  });
});
