// Requests through the proxy, against squid, tinyproxy and the server itself; bytes through CONNECT, against a socket.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../pkg/base/clock';
import { silentLogger } from '../pkg/base/log';
import { SystemRandom } from '../pkg/base/random';
import { Proxy } from '../pkg/proxy/proxy';
import { FakeRegistry } from '../pkg/testing/fake-registry';
import { median, print, say } from './lib/figure';
import { run, until } from './lib/run';

const ports = { server: 13_601, source: 13_602, proxy: 13_603, squid: 13_604, tinyproxy: 13_605 };
const rounds = 3;
const seconds = 3;
/** As /proc counts it. */
const ticksPerSecond = 100;
const body = 'x'.repeat(1_000);

interface Way {
  readonly name: string;
  readonly port: number;
  /** What wrk asks for. */
  readonly path: string;
  readonly pid: number;
}

interface Load {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  /** Of the process between. */
  readonly cpuMicros: number;
}

/** The part that is measured, in a process of its own: its CPU is its own. */
async function serveProxy(): Promise<void> {
  const registry = new FakeRegistry();
  await registry.put('shop/web.1', { host: '127.0.0.1', port: ports.server });
  await registry.put('shop/source.1', { host: '127.0.0.1', port: ports.source });
  const [clock, random] = [new SystemClock(), new SystemRandom()];
  const proxy = new Proxy({
    registry,
    identities: registry,
    executor: 'one',
    clock,
    random,
    log: silentLogger,
  });
  await proxy.listen([{ host: '127.0.0.1', port: ports.proxy }]);
}

/** Sends to whoever connects as much as is taken. */
function serveSource(): void {
  const piece = Buffer.alloc(256 * 1024);
  createServer((socket) => {
    const fill = () => {
      while (socket.writable && socket.write(piece));
    };
    socket.on('drain', fill).on('error', () => {});
    fill();
  }).listen(ports.source, '127.0.0.1');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

function cpuMicrosOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}

async function load(way: Way, directory: string, connections: number): Promise<Load> {
  const script = join(directory, `${way.name}.lua`);
  writeFileSync(script, `wrk.path = "${way.path}"\n`);
  const before = cpuMicrosOf(way.pid);
  const { stdout } = await run('wrk', [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script],
    `http://127.0.0.1:${way.port}/`,
  ]);
  const cpu = cpuMicrosOf(way.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1];
  if (bad) throw new Error(`${way.name} answered ${bad} requests with errors`);
  const p99 = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  const unit = { us: 1e-3, ms: 1, s: 1e3 }[p99?.[2] as 'us' | 'ms' | 's'];
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99Ms: Number(p99?.[1]) * unit,
    cpuMicros: cpu / requests,
  };
}

/** All ways by turns, so that what else the machine does meets all of them. */
async function compare(
  ways: readonly Way[],
  directory: string,
  connections: number,
): Promise<Map<string, Load>> {
  const loads = new Map<string, Load[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) loads.get(way.name)?.push(await load(way, directory, connections));
    say(`${connections} connections: ${round + 1} of ${rounds}`);
  }
  return new Map(
    [...loads].map(([name, all]): [string, Load] => [
      name,
      {
        requestsPerSecond: median(all.map(({ requestsPerSecond }) => requestsPerSecond)),
        p99Ms: median(all.map(({ p99Ms }) => p99Ms)),
        cpuMicros: median(all.map(({ cpuMicros }) => cpuMicros)),
      },
    ]),
  );
}

/** MiB a second from the source, for two seconds. */
async function throughput(target: string | undefined, port: number): Promise<number> {
  const socket: Socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  if (target) socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  let bytes = 0;
  socket.on('data', (data) => (bytes += data.length));
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const mebibytes = bytes / 2 ** 20 / ((performance.now() - started) / 1_000);
  socket.destroy();
  if (bytes < 10_000) throw new Error(`nothing came through ${target ?? 'the socket'}`);
  return mebibytes;
}

async function measure(
  directory: string,
  start: (command: string, args: string[]) => ChildProcess,
): Promise<void> {
  chmodSync(directory, 0o755);
  const write = (name: string, text: string) => {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  };
  const self = process.argv[1] as string;
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(join(directory, name));
  const nginx = write(
    'nginx.conf',
    `daemon off; worker_processes 1; error_log ${directory}/nginx.log; pid ${directory}/nginx.pid;
     events { worker_connections 4096; }
     http { access_log off; keepalive_requests 1000000000;
       client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
       fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
       server { listen 127.0.0.1:${ports.server}; location / { return 200 "${body}"; } } }`,
  );
  const squid = write(
    'squid.conf',
    `http_port 127.0.0.1:${ports.squid}
     http_access allow all
     cache deny all
     access_log none
     cache_log /dev/null
     cache_store_log none
     pid_filename none
     pinger_enable off
     netdb_filename none
     coredump_dir ${directory}
     shutdown_lifetime 1 seconds`,
  );
  const tinyproxy = write(
    'tinyproxy.conf',
    `Listen 127.0.0.1\nPort ${ports.tinyproxy}\nMaxClients 200\nTimeout 60\nLogLevel Critical\nLogFile "/dev/null"\n`,
  );
  const server = start('nginx', ['-e', '/dev/null', '-c', nginx]);
  start(process.execPath, [self, 'source']);
  const outside = `http://127.0.0.1:${ports.server}/`;
  const way = (name: string, port: number, child: ChildProcess, path: string): Way => {
    return { name, port, path, pid: child.pid as number };
  };
  const ways = [
    way('direct', ports.server, server, '/'),
    way('proxy', ports.proxy, start(process.execPath, [self, 'proxy']), 'http://web.shop.service/'),
    way('squid', ports.squid, start('squid', ['-N', '-f', squid]), outside),
    way('tinyproxy', ports.tinyproxy, start('tinyproxy', ['-d', '-c', tinyproxy]), outside),
  ];
  for (const port of Object.values(ports)) await until(`port ${port} answers`, 15_000, () => answers(port));
  await load(ways[1] as Way, directory, 16); // compiled by now

  const many = await compare(ways, directory, 16);
  const of = (loads: Map<string, Load>, name: string) => loads.get(name) as Load;
  const common = { bench: 'proxy', samples: rounds };
  for (const peer of ['squid', 'tinyproxy', 'direct']) {
    const value = of(many, 'proxy').requestsPerSecond;
    const target = peer === 'direct' ? undefined : 'ratio >= 1';
    print({
      ...common,
      figure: `requests through the proxy, 16 connections, against ${peer}`,
      value,
      unit: 'requests/s',
      peer: { name: peer, value: of(many, peer).requestsPerSecond },
      target,
    });
  }
  for (const peer of ['squid', 'tinyproxy']) {
    print({
      ...common,
      figure: `CPU of the proxy per request, against ${peer}`,
      value: of(many, 'proxy').cpuMicros,
      unit: 'us',
      peer: { name: peer, value: of(many, peer).cpuMicros },
      target: 'ratio <= 1',
    });
  }
  const few = await compare(ways, directory, 2);
  const added = (name: string) => of(few, name).p99Ms - of(few, 'direct').p99Ms;
  for (const peer of ['squid', 'tinyproxy']) {
    print({
      ...common,
      figure: `99th percentile added to direct, 2 connections, against ${peer}`,
      value: added('proxy'),
      unit: 'ms',
      peer: { name: peer, value: added(peer) },
      target: 'ratio <= 1',
    });
  }
  const streams: { direct: number[]; proxy: number[]; squid: number[] } = {
    direct: [],
    proxy: [],
    squid: [],
  };
  for (let round = 0; round < rounds; round++) {
    streams.direct.push(await throughput(undefined, ports.source));
    streams.proxy.push(await throughput('source.shop.service:80', ports.proxy));
    say(`CONNECT: ${round + 1} of ${rounds}`);
  }
  print({
    ...common,
    figure: 'bytes through CONNECT, against a socket of its own',
    value: median(streams.proxy),
    unit: 'MiB/s',
    peer: { name: 'direct', value: median(streams.direct) },
  });
}

async function main(): Promise<void> {
  const role = process.argv[2];
  if (role === 'proxy') return serveProxy();
  if (role === 'source') return serveSource();
  const directory = mkdtempSync(join(tmpdir(), 'gilliam-bench-'));
  const children: ChildProcess[] = [];
  try {
    await measure(directory, (command, args) => {
      const child = spawn(command, args, { stdio: 'ignore' });
      children.push(child);
      return child;
    });
  } finally {
    const ended = children.map(
      (child) => new Promise<void>((resolve) => child.once('close', () => resolve())),
    );
    for (const child of children) child.kill('SIGTERM');
    await Promise.race([Promise.all(ended), new Promise((resolve) => setTimeout(resolve, 5_000))]);
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  say(String(error));
  process.exitCode = 1;
});
