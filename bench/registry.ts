// The registry: lookups of one node against a bare HTTP server of Node, and a hundred nodes in one process over real
// sockets. `node bench/run.mjs registry`; GILLIAM_BENCH_NODES, GILLIAM_BENCH_ENTRIES and GILLIAM_BENCH_PARTITION_S make
// it smaller, GILLIAM_BENCH_NO_LOOKUPS=1 begins with the hundred.
//
// The hundred have the time limits that nodes have, if one thread can carry them: where it cannot, they call each other
// silent, and are begun anew with longer ones, which every figure then says.
import { fork } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { SystemClock } from '../pkg/base/clock';
import { silentLogger } from '../pkg/base/log';
import { SystemRandom } from '../pkg/base/random';
import { RegistryNode } from '../pkg/registry/node';
import { defaultTimes, type RegistryTimes } from '../pkg/registry/settings';
import { type Figure, median, print, quantile, say } from './lib/figure';
import { run } from './lib/run';

const nodeCount = Number(process.env.GILLIAM_BENCH_NODES ?? 100);
const entryCount = Number(process.env.GILLIAM_BENCH_ENTRIES ?? 10_000);
const partitionMs = 1_000 * Number(process.env.GILLIAM_BENCH_PARTITION_S ?? 60);
const lookupPorts = { registry: 13_600, bare: 13_601 };
const changes = 50;
const batchSize = 500;
const token = 'executor-token-of-the-benchmark-0123456789';
const patient = { peerTimeoutMs: 30_000, nodeLivenessMs: 45_000 };
/** What the process ends with when its one thread is too slow for the time limits. */
const tooSlow = 3;

function makeNode(name: string, times: Partial<RegistryTimes> = {}): RegistryNode {
  return new RegistryNode({
    name,
    token,
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLogger,
    environment: () => ({ registry: '' }),
    times,
  });
}

const bodyOf = (number: number) => ({
  host: `10.0.${number >> 8}.${number & 255}`,
  port: 10_000,
  ports: { '8080': 10_000 },
  release: 'v1',
  executor: `e${number % nodeCount}`,
  address: '172.17.0.5',
});

const keyOf = (number: number) => ({
  formation: `f${number % 100}`,
  service: 'web',
  instance: String(number),
});

/** In a process of their own: what is asked for is the load's, and what is given the server's. */
async function serveLookups(): Promise<void> {
  const node = makeNode('e1');
  for (let number = 0; number < entryCount; number++) node.announce(keyOf(number), bodyOf(number));
  for (let number = 0; number < 10; number++) {
    node.announce({ formation: 'shop', service: 'web', instance: String(number) }, bodyOf(number));
  }
  await node.listen([{ host: '127.0.0.1', port: lookupPorts.registry }]);
  const text = Buffer.from(
    JSON.stringify(
      Object.fromEntries(
        node.lookup({ formation: 'shop', service: 'web' }).map((e) => [`web.${e.instance}`, e.body]),
      ),
    ),
  );
  createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    response.end(text);
  }).listen(lookupPorts.bare, '127.0.0.1', () => process.send?.('ready'));
}

async function requestsPerSecond(port: number): Promise<number> {
  const args = ['-t1', '-c16', '-d4s', `http://127.0.0.1:${port}/shop/web`];
  const { stdout } = await run('wrk', args);
  const found = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (found === undefined || stdout.includes('Non-2xx')) throw new Error(`wrk: ${stdout}`);
  return Number(found);
}

async function lookups(): Promise<void> {
  say('lookups of one node');
  const server = fork(process.argv[1] as string, ['serve']);
  try {
    await new Promise((resolve, reject) => {
      server.once('message', resolve);
      server.once('exit', () => reject(new Error('the server has ended')));
    });
    const samples: Record<'registry' | 'bare', number[]> = { registry: [], bare: [] };
    for (let round = 0; round < 3; round++) {
      samples.bare.push(await requestsPerSecond(lookupPorts.bare));
      samples.registry.push(await requestsPerSecond(lookupPorts.registry));
    }
    print({
      bench: 'registry',
      figure: `lookups of one node over HTTP, 10 of ${entryCount} entries, 16 connections`,
      value: median(samples.registry),
      unit: 'requests/s',
      peer: { name: 'bare node:http server, same body', value: median(samples.bare) },
      samples: 3,
    });
  } finally {
    server.kill();
  }
  const node = makeNode('e1');
  for (let number = 0; number < entryCount; number++) node.announce(keyOf(number), bodyOf(number));
  const rounds = 2_000_000;
  const started = performance.now();
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    found += node.lookup({ formation: `f${round % 100}`, service: 'web' }).length;
  }
  if (found === 0) throw new Error('nothing was found');
  print({
    bench: 'registry',
    figure: `lookups in process, as the proxy does, ${entryCount} entries`,
    value: (rounds / (performance.now() - started)) * 1_000,
    unit: 'lookups/s',
    samples: rounds,
  });
  await node.close();
}

/** All that nodes of this process say to each other: HTTP, with its headers, both questions and answers. */
class Wire {
  readonly #open = new Set<Socket>();
  #closedBytes = 0;

  constructor() {
    subscribe('undici:client:connected', (message) => {
      const { socket } = message as { readonly socket: Socket };
      this.#open.add(socket);
      socket.once('close', () => {
        this.#open.delete(socket);
        this.#closedBytes += socket.bytesWritten + socket.bytesRead;
      });
    });
  }

  get bytes(): number {
    return [...this.#open].reduce(
      (sum, { bytesWritten, bytesRead }) => sum + bytesWritten + bytesRead,
      this.#closedBytes,
    );
  }
}

/** One thread carries all nodes: it was too slow, or something is wrong. */
class TooSlowError extends Error {}

/** Asked for rarely: asking a hundred nodes takes their time. */
async function until(what: string, deadlineMs: number, holds: () => boolean): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > end) throw new TooSlowError(`${what}: not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

interface Announced {
  readonly node: RegistryNode;
  readonly key: ReturnType<typeof keyOf>;
  readonly number: number;
}

/** What is announced now, by its path: renewed as agents do, and what all have to know in the end. */
const announced = new Map<string, Announced>();

function announce(node: RegistryNode, key: Announced['key'], number: number): void {
  announced.set(`${key.formation}/${key.instance}`, { node, key, number });
  node.announce(key, bodyOf(number));
}

function renew(): void {
  for (const { node, key, number } of announced.values()) node.announce(key, bodyOf(number));
}

function allUp(nodes: readonly RegistryNode[]): boolean {
  return nodes.every((node) => node.status().peers.every(({ up }) => up));
}

async function cluster(times: Partial<RegistryTimes>): Promise<void> {
  say(`starting ${nodeCount} nodes ${limitsOf(times)}`);
  const wire = new Wire();
  const nodes = Array.from({ length: nodeCount }, (_, index) =>
    makeNode(`e${String(index).padStart(3, '0')}`, times),
  );
  // Any that are free: a hundred in a row may not be.
  const ports = await Promise.all(nodes.map((node) => node.listen([{ host: '127.0.0.1', port: 0 }])));
  const peers = nodes.map((node, index) => ({
    name: node.name,
    address: `127.0.0.1:${ports[index]?.[0]}`,
  }));
  for (const node of nodes) node.setPeers(peers);
  await until(
    'all have spoken',
    60_000,
    () => nodes.every((node) => !node.status().recovering) && allUp(nodes),
  );
  const found = (figure: string, value: number, unit: string, more: Partial<Figure> = {}) =>
    print({ ...{ bench: 'registry', figure: `${figure}, ${limitsOf(times)}`, value, unit }, ...more });
  const entries = () => nodes.map((node) => node.status().entries);
  // Little by little: what nobody has yet is of one thread here, and would be of a hundred machines.
  const renewing = setInterval(renew, 20_000);
  const batches: number[] = [];
  for (let from = 0; from < entryCount; from += batchSize) {
    const to = Math.min(from + batchSize, entryCount);
    const started = performance.now();
    for (let number = from; number < to; number++) {
      announce(nodes[number % nodeCount] as RegistryNode, keyOf(number), number);
    }
    await until(`all know ${to} entries`, 60_000, () => entries().every((count) => count === to));
    batches.push(performance.now() - started);
  }
  const learned = `${nodeCount} nodes of one process learn of ${batchSize} entries announced at once, median`;
  found(learned, median(batches), 'ms', { samples: batches.length });
  await until('all are quiet again', 120_000, () => allUp(nodes));
  const seen = new Map<string, (node: number) => void>();
  nodes.forEach((node, index) => {
    node.follow({
      name: 'bench',
      async apply(changes) {
        if (seen.size === 0) return;
        for (const entry of changes.announced) seen.get(`${entry.formation}/${entry.instance}`)?.(index);
      },
    });
  });
  const [first, everywhere]: [number[], number[]] = [[], []];
  for (let change = 0; change < changes; change++) {
    const origin = nodes[(change * 7) % nodeCount] as RegistryNode;
    const key = { formation: 'probe', service: 'web', instance: String(change) };
    const started = performance.now();
    await new Promise<void>((resolve) => {
      const known = new Set<number>();
      seen.set(`probe/${change}`, (index) => {
        known.add(index);
        if (known.size === 2) first.push(performance.now() - started);
        if (known.size < nodeCount) return;
        everywhere.push(performance.now() - started);
        resolve();
      });
      announce(origin, key, change);
    });
    seen.clear();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const [what, samples] of [
    ['the first other node', first],
    ['all nodes', everywhere],
  ] as const) {
    const figure = `a change is known at ${what} of ${nodeCount}, ${entryCount} entries`;
    found(`${figure}, median`, median(samples), 'ms', { samples: changes });
    found(`${figure}, 99th percentile`, quantile(samples, 0.99), 'ms', { samples: changes });
  }
  await measureRest(nodes, wire, found);
  await measurePartition(nodes, peers, wire, found);
  clearInterval(renewing);
  await Promise.all(nodes.map((node) => node.close()));
}

type Found = (figure: string, value: number, unit: string, more?: Partial<Figure>) => void;

function limitsOf({ peerTimeoutMs, nodeLivenessMs }: Partial<RegistryTimes>): string {
  if (peerTimeoutMs === undefined || nodeLivenessMs === undefined) return 'with the usual time limits';
  const [asked, alive] = [
    peerTimeoutMs / defaultTimes.peerTimeoutMs,
    nodeLivenessMs / defaultTimes.nodeLivenessMs,
  ];
  return `with ${asked} times the usual time for an answer and ${alive} times that for silence`;
}

async function measureRest(nodes: readonly RegistryNode[], wire: Wire, found: Found): Promise<void> {
  say('at rest');
  const restMs = 10_000;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const [bytes, cpu] = [wire.bytes, process.cpuUsage()];
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const { user, system } = process.cpuUsage(cpu);
  const perNode = ((wire.bytes - bytes) / nodeCount / restMs) * 1_000;
  if (!allUp(nodes)) throw new TooSlowError('at rest, nodes call each other silent');
  const figure = `one of ${nodeCount} nodes at rest, ${entryCount} entries`;
  found(`${figure}, sent as HTTP`, perNode, 'bytes/s');
  found(`${figure}, CPU`, (user + system) / 1_000 / nodeCount / (restMs / 1_000), 'ms/s');
}

/** Each half keeps the names of the other, at addresses where nobody is: as when a link is down. */
async function measurePartition(
  nodes: readonly RegistryNode[],
  peers: readonly { readonly name: string; readonly address: string }[],
  wire: Wire,
  found: Found,
): Promise<void> {
  say(`partition of half for ${partitionMs / 1_000} s`);
  const half = nodeCount / 2;
  nodes.forEach((node, index) => {
    const isHere = (other: number) => other < half === index < half;
    node.setPeers(
      peers.map((peer, other) => (isHere(other) ? peer : { ...peer, address: '127.0.0.1:13998' })),
    );
  });
  // Not as many of each: how many entries a node has says then how much of it it knows.
  const [withdrawn, added] = [500, 400];
  for (let number = 0; number < withdrawn; number++) {
    const key = keyOf(number);
    announced.delete(`${key.formation}/${key.instance}`);
    await (nodes[number % nodeCount] as RegistryNode).withdraw(key);
  }
  for (let number = 0; number < added; number++) {
    const other = entryCount + number;
    announce(nodes[(number + 1) % nodeCount] as RegistryNode, keyOf(other), other);
  }
  await new Promise((resolve) => setTimeout(resolve, partitionMs));
  if (nodes.some((node) => node.status().entries === announced.size)) throw new Error('they are not apart');
  const before = wire.bytes;
  const started = performance.now();
  for (const node of nodes) node.setPeers(peers);
  const agrees = (node: RegistryNode) => {
    const { entries, peers: others } = node.status();
    return entries === announced.size && others.every(({ up }) => up);
  };
  // Whether it is the same entries takes long to say, and is looked at in the end.
  await until('all agree again', 120_000, () => nodes.every(agrees));
  const agreedMs = performance.now() - started;
  const lost = nodes.reduce((sum, node) => sum + differing(node), 0);
  const figure = `half of ${nodeCount} nodes apart for ${partitionMs / 1_000} s, ${withdrawn + added} changes meanwhile`;
  found(`${figure}: all agree after`, agreedMs, 'ms');
  found(`${figure}: entries lost or brought back`, lost, 'entries', { target: '== 0' });
  found(`${figure}: sent as HTTP by all of them together`, wire.bytes - before, 'bytes');
}

/** How many entries a node lacks, or has too many. */
function differing(node: RegistryNode): number {
  const held = new Set(
    node
      .formations()
      .flatMap((formation) =>
        node.lookup({ formation, service: 'web' }).map(({ instance }) => `${formation}/${instance}`),
      ),
  );
  const lost = [...announced.keys()].filter((path) => !held.has(path));
  return lost.length + [...held].filter((path) => !announced.has(path)).length;
}

/** In a process of its own: a hundred nodes hold a million entries. */
async function clusterApart(): Promise<void> {
  for (const how of ['usual', 'patient']) {
    const child = fork(process.argv[1] as string, ['cluster', how], {
      // What is new of a hundred nodes is a hundred times as much as what the engine takes for the young of one.
      execArgv: ['--enable-source-maps', '--max-old-space-size=12288', '--max-semi-space-size=128'],
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code === 0) return;
    if (code !== tooSlow || how === 'patient') throw new Error(`the cluster has ended with ${String(code)}`);
  }
}

async function runCluster(): Promise<void> {
  try {
    await cluster(process.argv[3] === 'patient' ? patient : {});
  } catch (error) {
    if (!(error instanceof TooSlowError)) throw error;
    say(`one thread cannot carry ${nodeCount} nodes: ${error.message}`);
    process.exit(tooSlow);
  }
  process.exit(0);
}

if (process.argv[2] === 'serve') void serveLookups();
else if (process.argv[2] === 'cluster') void runCluster();
else
  void (process.env.GILLIAM_BENCH_NO_LOOKUPS ? Promise.resolve() : lookups())
    .then(clusterApart)
    .then(() => process.exit(0));
