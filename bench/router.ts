// Requests through the router, against HAProxy with nothing but the same rewrite, nginx and Caddy: each without an
// access log, and with one of much the same content, since the router always writes one. A third HAProxy also tells its
// upstreams what the router tells them: that is the router by hand, without what makes it refuse, retry and find a route
// among many. All HAProxys have as many threads as there are cores, connections kept alive on both sides and shared as
// HAProxy does of itself, and their log in a file that they write by themselves.
//
// And with 1,000 routes to 200 services, against one route: all load on one of them, which is what the rules cost; and
// load spread over all. Spread load is dearer whatever the rules, since hardly a connection to an upstream is still in a
// cache when its turn comes: hence a HAProxy by hand with a backend for each of the 200 services, and one rewrite for all
// routes of a service, under both loads too. What it loses from the one to the other is not the router's to mend.
//
// All that serve are in sessions of their own, as the router's HAProxy has to be: Linux shares processors out by sessions
// (sched_autogroup), and what runs in that of the load gets another share.
//
// Load, upstreams and what is between them share the machine, so the requests a second weigh all of it; the CPU a request
// is of what is between them alone. GILLIAM_BENCH_ROUNDS makes it longer, and GILLIAM_BENCH_ONLY measures some of them only:
// `router; HAProxy`.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../pkg/base/clock';
import { silentLogger } from '../pkg/base/log';
import { SystemRandom } from '../pkg/base/random';
import type { Route } from '../pkg/resource/objects';
import { HaproxyProcess } from '../pkg/router/haproxy-process';
import { Router } from '../pkg/router/router';
import { FakeRoutes, route } from '../pkg/router/testing';
import { FakeRegistry } from '../pkg/testing/fake-registry';
import { cpuSeconds } from './lib/cpu';
import { median, print, say } from './lib/figure';
import { run, until } from './lib/run';

const ports = {
  upstreams: [13_711, 13_712],
  one: 13_701,
  many: 13_702,
  plain: 13_703,
  nginx: 13_704,
  caddy: 13_705,
  plainLogging: 13_706,
  nginxLogging: 13_707,
  caddyLogging: 13_708,
  plainForwarding: 13_709,
  plainMany: 13_710,
};
// Many short ones: the machine is seldom the same for long.
const rounds = Number(process.env.GILLIAM_BENCH_ROUNDS ?? 11);
const only = process.env.GILLIAM_BENCH_ONLY?.split(';').map((name) => name.trim());
const seconds = 1;
const services = 200;
const host = 'myapp.com';

/** The upstreams of all: nginx, which answers faster than anything in front of it asks. */
function upstreamConfiguration(directory: string): string {
  const servers = ports.upstreams.map(
    (port) => `server { listen 127.0.0.1:${port}; location / { return 200 "${'x'.repeat(1_000)}"; } }`,
  );
  return nginxConfiguration(directory, 'upstream', servers.join('\n'));
}

function nginxConfiguration(directory: string, name: string, http: string): string {
  return `daemon off; worker_processes 2; pid ${directory}/${name}.pid; error_log ${directory}/${name}.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000; client_body_temp_path ${directory}; proxy_temp_path ${directory};
fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
${http} }`;
}

/** For names of files: configurations of peers end words at blanks. */
function slug(name: string): string {
  return name.replace(/\W+/g, '-');
}

interface Peer {
  readonly name: string;
  readonly port: number;
  /** Whether it writes a line a request, to a file. */
  readonly logs: boolean;
  /** Whether upstreams are told of the client, its host and its protocol; else of the client alone. */
  readonly forwards?: boolean;
  /** Whether it knows the services of many routes, each by the beginning of its paths. */
  readonly many?: boolean;
  readonly start: (directory: string, peer: Peer) => Command;
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** Where there is one route. */
const one = `b if { hdr(host) ${host} } { path_beg /user/ }`;

function haproxy(directory: string, { name: title, port, logs, forwards, many }: Peer): Command {
  const name = slug(title);
  const file = join(directory, `${name}.cfg`);
  const servers = ports.upstreams.map((upstream, n) => `  server s${n} 127.0.0.1:${upstream}\n`).join('');
  const format = `'{"time":%Ts.%ms,"client":"%ci","method":"%HM","host":"%[capture.req.hdr(0),json(utf8s)]","path":"%[capture.req.uri,json(utf8s)]","route":"%b","instance":"%s","status":%ST,"bytes":%B,"queueMs":%Tw,"connectMs":%Tc,"responseMs":%Tr,"ms":%Ta,"ended":"%tsc"}'`;
  const log = logs ? `  log global\n  capture request header Host len 64\n  log-format ${format}\n` : '';
  const forwarded = forwards
    ? `  http-request del-header Forwarded\n  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http\n  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request add-header X-Hop 1\n`
    : '  option forwardfor\n';
  const backend = (id: string, from: string) =>
    `backend ${id}\n  http-request replace-path ^${from}$ /\\1\n${servers}`;
  const numbers = Array.from({ length: services }, (_, n) => n);
  const map = join(directory, `${name}.map`);
  if (many) writeFileSync(map, numbers.map((n) => `/s${n}/ b${n}\n`).join(''));
  const use = many ? `%[path,map_beg(${map})] if { hdr(host) ${host} }` : one;
  const backends = many
    ? numbers.map((n) => backend(`b${n}`, `/s${n}/(.*)`))
    : [backend('b', '/user/([^/]+)')];
  // As the router does: what is kept of connections to upstreams is by itself a fifth of what there can be.
  const pools = many ? '  tune.pool-low-fd-ratio 60\n  tune.pool-high-fd-ratio 70\n' : '';
  writeFileSync(
    file,
    `global\n  maxconn 4000\n${pools}${logs ? '  log stdout len 8192 format raw local0 info\n' : ''}
defaults\n  mode http\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n
frontend f\n  bind 127.0.0.1:${port}\n${forwarded}${log}  use_backend ${use}\n${backends.join('')}`,
  );
  return { command: 'haproxy', args: ['-f', file] };
}

function nginx(directory: string, { name: title, port, logs }: Peer): Command {
  const name = slug(title);
  const file = join(directory, `${name}.conf`);
  const servers = ports.upstreams.map((upstream) => `server 127.0.0.1:${upstream};`).join(' ');
  const log = logs ? `access_log ${directory}/${name}.access combined;` : '';
  writeFileSync(
    file,
    nginxConfiguration(
      directory,
      name,
      `upstream u { ${servers} keepalive 64; keepalive_requests 1000000; }
server { listen 127.0.0.1:${port}; server_name ${host}; ${log}
location ~ ^/user/([^/]+)$ { proxy_pass http://u/$1; proxy_http_version 1.1; proxy_set_header Connection "";
proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }`,
    ),
  );
  return { command: 'nginx', args: ['-c', file] };
}

function caddy(directory: string, { name: title, port, logs }: Peer): Command {
  const name = slug(title);
  const file = join(directory, `${name}.caddyfile`);
  const to = ports.upstreams.map((upstream) => `127.0.0.1:${upstream}`).join(' ');
  const log = logs ? ` log {\n  output file ${directory}/${name}.access\n }\n` : '';
  writeFileSync(
    file,
    `{\n admin off\n auto_https off\n}\nhttp://${host}:${port} {\n bind 127.0.0.1\n${log} @user path_regexp user ^/user/([^/]+)$
 handle @user {\n  rewrite * /{re.user.1}\n  reverse_proxy ${to}\n }\n}\n`,
  );
  return { command: 'caddy', args: ['run', '--adapter', 'caddyfile', '--config', file] };
}

const peers: readonly Peer[] = [
  { name: 'HAProxy', port: ports.plain, logs: false, start: haproxy },
  { name: 'HAProxy with access log', port: ports.plainLogging, logs: true, start: haproxy },
  {
    name: 'HAProxy with access log and forwarded headers',
    ...{ port: ports.plainForwarding, logs: true, forwards: true, start: haproxy },
  },
  { name: 'nginx', port: ports.nginx, logs: false, start: nginx },
  { name: 'nginx with access log', port: ports.nginxLogging, logs: true, start: nginx },
  { name: 'Caddy', port: ports.caddy, logs: false, start: caddy },
  { name: 'Caddy with access log', port: ports.caddyLogging, logs: true, start: caddy },
];

const handmade: Peer = {
  name: 'HAProxy with 200 services, access log and forwarded headers',
  ...{ port: ports.plainMany, logs: true, forwards: true, many: true, start: haproxy },
};

/** Its output in a file: what HAProxy logs goes there, and disks weigh the same on all. */
function startCommand({ command, args }: Command, directory: string, name: string): ChildProcess {
  const out = openSync(join(directory, `${name}.out`), 'a');
  try {
    return spawn(command, args, {
      stdio: ['ignore', out, 'ignore'],
      // As the router's HAProxy is: Linux shares processors out by sessions.
      detached: true,
      env: { ...process.env, HOME: directory },
    });
  } finally {
    closeSync(out);
  }
}

interface Way {
  readonly name: string;
  readonly port: number;
  readonly paths: readonly string[];
  /** Of what serves there. */
  readonly pid: () => number;
}

interface Load {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly cpuMicroseconds: number;
}

async function load(way: Way, directory: string): Promise<Load> {
  const script = join(directory, `${slug(way.name)}.lua`);
  writeFileSync(
    script,
    `local paths = {${way.paths.map((path) => JSON.stringify(path)).join(',')}}\nlocal n = 0
request = function() n = n % #paths + 1; return wrk.format("GET", paths[n], {["Host"] = "${host}"}) end
done = function(s, l, r)
io.write(string.format("RESULT %f %f %d %d\\n", s.requests / (s.duration / 1e6), l:percentile(99) / 1e3,
s.errors.status + s.errors.connect + s.errors.read + s.errors.timeout, s.requests)) end`,
  );
  const wrk = () =>
    run('wrk', ['-t1', '-c32', `-d${seconds}s`, '-s', script, `http://127.0.0.1:${way.port}`]);
  // Since its last turn connections to hundreds of instances have been closed, being idle: making them is not measured.
  if (way.paths.length > 1) await wrk();
  const before = cpuSeconds(way.pid());
  const { stdout } = await wrk();
  const [, rps, p99, errors, count] = /RESULT (\S+) (\S+) (\S+) (\S+)/.exec(stdout) ?? [];
  if (rps === undefined || errors !== '0') throw new Error(`${way.name}: ${stdout}`);
  const cpuMicroseconds = ((cpuSeconds(way.pid()) - before) / Number(count)) * 1e6;
  return { requestsPerSecond: Number(rps), p99Ms: Number(p99), cpuMicroseconds };
}

/** A router with its HAProxy; a fifth of its routes can only be told apart by expressions. */
async function startRouter(directory: string, port: number, table: readonly Route[], count: number) {
  mkdirSync(directory, { recursive: true });
  const clock = new SystemClock();
  const registry = new FakeRegistry();
  const process = new HaproxyProcess({ directory, clock, log: silentLogger });
  const router = new Router({
    ...{ registry, routes: new FakeRoutes(table), executor: 'one', clock, random: new SystemRandom() },
    ...{
      log: silentLogger,
      haproxy: process,
      stopMs: 500,
    },
    ports: { bind: '127.0.0.1', http: port },
    maxConnections: 4_000,
    resolve: () => Promise.reject(new Error('no names')),
  });
  const ended = new AbortController();
  for (let n = 0; n < count; n++) {
    for (const [index, upstream] of ports.upstreams.entries()) {
      await registry.put(`shop/s${n}.${index + 1}`, {
        host: '127.0.0.1',
        port: upstream,
        release: 'v1',
      });
    }
  }
  const running = router.run(ended.signal);
  await router.apply({ announced: [], withdrawn: [] });
  const stop = async () => {
    ended.abort(new Error('done'));
    await running;
  };
  return { stop, pid: () => process.pid() as number };
}

function manyRoutes(): { table: Route[]; paths: string[] } {
  const table: Route[] = [];
  const paths: string[] = [];
  for (let n = 0; n < services; n++) {
    const at = `${host}/s${n}`;
    const to = `s${n}.shop.service`;
    table.push(
      route(`all-${n}`, `${at}/`, `${to}/`),
      route(`user-${n}`, `${at}/user/{name}`, `${to}/{name}`),
      route(`orders-${n}`, `${at}/order/{id}`, `${to}/o/{id}`, { methods: ['GET'] }),
      route(`exact-${n}`, `${at}/status`, `${to}/health`),
      route(`files-${n}`, `${at}/files/{rest:.*}`, `${to}/{rest}`),
    );
    paths.push(`/s${n}/x`, `/s${n}/user/ada`, `/s${n}/order/17`, `/s${n}/status`, `/s${n}/files/a/b`);
  }
  return { table, paths };
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request({ port, host: '127.0.0.1', path, headers: { host }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    sent.on('error', () => resolve(false));
    sent.end();
  });
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gb-'));
  const children: ChildProcess[] = [];
  const stops: (() => Promise<void>)[] = [];
  try {
    writeFileSync(join(directory, 'upstream.conf'), upstreamConfiguration(directory));
    const upstream = { command: 'nginx', args: ['-c', join(directory, 'upstream.conf')] };
    children.push(startCommand(upstream, directory, 'upstream'));
    for (const peer of [...peers, handmade]) {
      children.push(startCommand(peer.start(directory, peer), directory, slug(peer.name)));
    }
    const one = [route('user', `${host}/user/{name}`, 's0.shop.service/{name}')];
    const { table, paths } = manyRoutes();
    const few = await startRouter(join(directory, 'one'), ports.one, one, 1);
    stops.push(few.stop);
    const many = await startRouter(join(directory, 'many'), ports.many, table, services);
    stops.push(many.stop);
    const user = ['/user/ada'];
    const all: Way[] = [
      { name: 'router', port: ports.one, paths: user, pid: few.pid },
      {
        name: 'router, one of 1,000 routes',
        port: ports.many,
        paths: [`/s${services / 2}/user/ada`],
        pid: many.pid,
      },
      { name: 'router, all of 1,000 routes', port: ports.many, paths, pid: many.pid },
      ...peers.map(({ name, port }, index) => ({
        ...{ name, port, paths: user },
        // Behind the upstream.
        pid: () => children[index + 1]?.pid as number,
      })),
      ...[
        { name: `${handmade.name}, load on one`, paths: [`/s${services / 2}/user/ada`] },
        { name: `${handmade.name}, load on all`, paths },
      ].map((way) => ({ ...way, port: handmade.port, pid: () => children.at(-1)?.pid as number })),
    ];
    const ways = all.filter(({ name }) => only?.includes(name) ?? true);
    for (const way of ways) {
      await until(`${way.name} answers`, 20_000, () => answers(way.port, way.paths[0] as string));
    }
    const loads = new Map<string, Load[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      // There and back: neighbours are not always the same.
      for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
        const result = await load(way, directory);
        loads.get(way.name)?.push(result);
        say(
          `round ${round}, ${way.name}: ${result.requestsPerSecond.toFixed(0)}/s, p99 ${result.p99Ms.toFixed(2)} ms, ${result.cpuMicroseconds.toFixed(1)} us of CPU each`,
        );
      }
    }
    report(loads);
  } finally {
    for (const stop of stops) await stop();
    for (const child of children) child.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  }
}

const titles = {
  requestsPerSecond: 'requests',
  p99Ms: '99th percentile',
  cpuMicroseconds: 'CPU a request',
} as const;

function report(loads: ReadonlyMap<string, readonly Load[]>): void {
  const of = (name: string, what: keyof Load) => (loads.get(name) ?? []).map((one) => one[what]);
  const compare = (name: string, peer: string, target?: string) => {
    for (const [what, unit] of [
      ['requestsPerSecond', '1/s'],
      ['p99Ms', 'ms'],
      ['cpuMicroseconds', 'us'],
    ] as const) {
      const [own, others] = [of(name, what), of(peer, what)];
      if (own.length === 0 || others.length === 0) continue;
      print({
        ...{ bench: 'router', figure: `${name}: ${titles[what]}`, unit },
        ...{ value: median(own), samples: own.length, peer: { name: peer, value: median(others) } },
        // In turns, so that what else the machine does weighs on both.
        ratio: median(own.map((value, round) => value / (others[round] as number))),
        ...(target !== undefined && what === 'requestsPerSecond' && { target }),
      });
    }
  };
  for (const { name } of peers) {
    const target = name.startsWith('HAProxy') ? 'ratio >= 0.9' : 'ratio >= 1.5';
    compare('router', name, name.startsWith('nginx') ? undefined : target);
  }
  compare('router, one of 1,000 routes', 'router', 'ratio >= 0.9');
  compare('router, all of 1,000 routes', 'router', 'ratio >= 0.9');
  const [one, all] = [`${handmade.name}, load on one`, `${handmade.name}, load on all`];
  compare('router, one of 1,000 routes', one, 'ratio >= 0.9');
  compare('router, all of 1,000 routes', all, 'ratio >= 0.9');
  compare(all, one);
}

void main();
