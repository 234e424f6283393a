import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { SystemClock, deadline } from '../../base/clock';
import { FakeDriver } from '../../testing/fake-driver';
import { systemHost } from '../host';
import { HealthChecker } from './checker';
import { checkHttp, checkTcp } from './network-check';

const clock = new SystemClock();
const never = new AbortController().signal;

async function http(status: number | 'hang'): Promise<{ port: number; close: () => void }> {
  const server = createHttpServer((_, response) => {
    if (status !== 'hang') response.writeHead(status).end('x'.repeat(100_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

test.each([
  [200, true],
  [204, true],
  [302, true],
  [404, false],
  [500, false],
])('http: status %d is healthy: %s', async (status, ok) => {
  const server = await http(status);
  const result = await checkHttp('127.0.0.1', server.port, '/health', never);
  server.close();
  expect(result).toEqual({ ok, detail: `GET /health on port ${server.port} answered ${status}` });
});

test('http: no answer in time', async () => {
  const server = await http('hang');
  const limit = deadline(clock, 50);
  const result = await checkHttp('127.0.0.1', server.port, '/', limit.signal);
  limit.dispose();
  server.close();
  expect(result).toEqual({ ok: false, detail: `GET / on port ${server.port} gave no answer in time` });
});

test('tcp: something listens, or nothing does; and what listens has the port', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await checkTcp('127.0.0.1', port, never)).toMatchObject({ ok: true });
  expect(await systemHost.portFree(port, '127.0.0.1')).toBe(false);
  expect(await systemHost.portFree(port, '0.0.0.0')).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await checkTcp('127.0.0.1', port, never)).toEqual({
    ok: false,
    detail: `port ${port}: refused the connection`,
  });
  expect(await systemHost.portFree(port, '127.0.0.1')).toBe(true);
});

test('a command that outlives its time fails the check, and no second one is started beside it', async () => {
  const driver = new FakeDriver({ clock });
  let runs = 0;
  let end = () => {};
  driver.exec = async () => {
    runs++;
    await new Promise<void>((resolve) => (end = resolve));
    return { exitCode: 0, output: '' };
  };
  const checker = new HealthChecker(driver, driver.host, clock);
  const health = {
    check: { $case: 'command' as const, value: { command: ['slow'] } },
    intervalMs: 0,
    timeoutMs: 0,
    failureThreshold: 0,
  };
  const container = { id: 'c', name: 'c', labels: {}, state: 'running' as const, ports: [] };
  const target = { container, firstPort: undefined, bindAddress: '0.0.0.0' };
  const late = { ok: false, detail: 'slow still runs after 20 ms' };
  expect(await checker.check(health, target, 20, never)).toEqual(late);
  expect(await checker.check(health, target, 20, never)).toEqual(late);
  expect(runs).toBe(1);
  end();
  await new Promise((resolve) => setImmediate(resolve));
  const next = checker.check(health, target, 1000, never);
  end();
  expect(await next).toEqual({ ok: true, detail: 'slow exited with 0' });
});
