import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StageConfig } from './config';
import { networkHealth, routerHealth } from './probe-network';
import { firstIll, remarksOf } from './readiness';

let server: Server;
let answers: Record<string, [number, string]>;

beforeEach(async () => {
  server = createServer((request, response) => {
    const [status, body] = answers[request.url ?? ''] ?? [404, ''];
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const config = () =>
  ({
    ports: { registry: (server.address() as AddressInfo).port },
    network: { routerPorts: { http: 1, https: 2 }, virtualRange: '198.18.0.0/20' },
  }) as StageConfig;
const health = (change: Partial<StageConfig> = {}) => networkHealth({ ...config(), ...change }, 1000);

const translated = (translation: string, reason: string) => ({
  '/-/status': [200, JSON.stringify({ virtualIps: { translation, reason } })] as [number, string],
  '/-/environment': [200, '{}'] as [number, string],
});

test.each<[string, string, RegExp]>([
  ['connect', '', /^$/],
  ['nftables', 'bpftool is not there', /^$/],
  ['none', 'nft is not there', /^without virtual IPs, so names .* by the proxy only: nft is not there$/],
])('a network with virtual IPs translated by %s', async (translation, reason, message) => {
  answers = translated(translation, reason);
  expect(await health()).toEqual({
    healthy: true,
    message: expect.stringMatching(message) as string,
    virtualIps: { translation, reason },
  });
});

test.each<[string, Record<string, [number, string]>, boolean, RegExp]>([
  [
    'that says nothing of virtual IPs',
    { '/-/status': [200, '{}'], '/-/environment': [200, '{}'] },
    true,
    /^$/,
  ],
  [
    'whose instances would be given nothing yet',
    { '/-/status': [200, '{}'], '/-/environment': [503, '{"error":"not yet"}'] },
    false,
    /^the registry says: not yet$/,
  ],
  [
    'that is broken',
    { '/-/status': [200, '{}'], '/-/environment': [500, '<html>'] },
    false,
    /answers \/-\/environment with 500/,
  ],
  ['that is somebody else', { '/-/environment': [200, '<html>'] }, false, /JSON/],
])('a network %s', async (_, given, healthy, message) => {
  answers = given;
  expect(await health()).toEqual({ healthy, message: expect.stringMatching(message) as string });
});

test('a network that does not run says so', async () => {
  const closed = config();
  await new Promise((resolve) => server.close(resolve));
  expect(await networkHealth(closed, 1000)).toEqual({
    healthy: false,
    message: expect.stringMatching(/ECONNREFUSED/) as string,
  });
});

test('a stage of before has neither network nor router yet', async () => {
  const notYet = { healthy: false, message: 'is not set up yet' };
  expect(await health({ network: undefined })).toEqual(notYet);
  expect(await routerHealth({ ...config(), network: undefined }, '/nowhere', 1000)).toEqual(notYet);
});

test('a router without HAProxy is not healthy, whoever listens on its port', async () => {
  const { port } = server.address() as AddressInfo;
  const network = { ...config().network, routerPorts: { http: port, https: 2 } } as StageConfig['network'];
  expect(await routerHealth({ ...config(), network }, '/nowhere/router', 1000)).toEqual({
    healthy: false,
    message: 'HAProxy does not run',
  });
});

test('what a stage does without is remarked, and keeps nothing from being ready', () => {
  const well = { healthy: true, message: '' };
  const all = { etcd: well, controlplane: well, network: well, router: well, executor: well };
  expect([firstIll(all), remarksOf(all)]).toEqual([undefined, []]);
  const without = { ...all, network: { healthy: true, message: 'without virtual IPs' } };
  expect([firstIll(without), remarksOf(without)]).toEqual([undefined, ['network: without virtual IPs']]);
  const ill = { ...all, router: { healthy: false, message: '' } };
  expect([firstIll(ill), remarksOf(ill)]).toEqual(['router: not healthy', []]);
});
