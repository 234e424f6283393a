import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { tableName } from '../kernel/table-name';
import { runCommand } from './command';
import { haproxyProcesses } from './haproxy-processes';
import { Nftables } from './nftables';
import { allAddresses, isPortFree } from './ports';
import { stopProcess } from './stop-process';

describe('HAProxy of a router', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gilliam-haproxy-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('is found with all its workers, and ends', async () => {
    const file = join(directory, 'haproxy.cfg');
    writeFileSync(
      file,
      `defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
frontend one
  bind unix@${join(directory, 'one.sock')}
`,
    );
    expect(haproxyProcesses(directory)).toEqual([]);
    const master = spawn('haproxy', ['-W', '-f', file], {
      stdio: 'ignore',
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    });
    const clock = new SystemClock();
    try {
      await until(() => haproxyProcesses(directory).length >= 2);
      const all = haproxyProcesses(directory);
      expect(all.map(({ pid }) => pid)).toContain(master.pid);
      await Promise.all(all.map((one) => stopProcess(one, 5_000, { clock })));
      expect(haproxyProcesses(directory)).toEqual([]);
    } finally {
      master.kill('SIGKILL');
    }
  });
});

describe('rules of a stage', () => {
  // Addresses are only named in it: the table has no hook, so nothing passes through.
  const table = tableName(`contract-${process.pid}`);
  const nftables = new Nftables(runCommand, process.env);
  const nft = (...args: string[]) => runCommand('/usr/sbin/nft', args, { env: process.env });
  afterAll(() => nft('delete', 'table', 'ip', table));

  test('are found, with the range of addresses that they take, and removed', async () => {
    expect(await nftables.familiesOf(table)).toEqual([]);
    await nft('add', 'table', 'ip', table);
    await nft('add', 'set', 'ip', table, 'taken', '{ type ipv4_addr; elements = { 198.19.240.7 } ; }');
    expect(await nftables.familiesOf(table)).toEqual(['ip']);
    expect(await nftables.virtualRanges()).toContain('198.19.240.0/20');
    await nftables.remove(table);
    expect(await nftables.familiesOf(table)).toEqual([]);
    await nftables.remove(table);
  });
});

test('a port that anybody listens on is not free for all addresses', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  expect(await isPortFree(port)).toBe(false);
  expect(await isPortFree(port, allAddresses)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port, allAddresses)).toBe(true);
});

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('not within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
