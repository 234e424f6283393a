// Requests through a virtual IP, as instances make them (translated where they connect) and where only nftables is
// there, against the same upstream asked in the ways that there are without one, in the same run:
// by the container's own address, over the bridge; by the machine's published port, which is what `gilliam ps` tells, by
// the rules that Docker makes for it where it has no proxy of its own between; and over a bridge of a machine that has
// none of Gilliam's tables at all. The client, the upstream and the machine between them are network namespaces on one
// bridge, as containers are.
//
// Each way has namespaces, connection table, ports and upstream of its own, and they take turns, a second each. On a
// machine that does other things besides, look at the CPU for a request: it is that of client, upstream and kernel alone.
// GILLIAM_BENCH_ROUNDS and GILLIAM_BENCH_SECONDS make it shorter.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../pkg/base/clock';
import { silentLogger } from '../pkg/base/log';
import { BridgeNetwork, testRange as range } from '../pkg/testing/bridge-network';
import { FakeRegistry } from '../pkg/testing/fake-registry';
import { TranslationSandbox } from '../pkg/testing/translation-sandbox';
import { bridgeOf } from '../pkg/virtualip/bridge-of';
import { Guard } from '../pkg/virtualip/guard';
import { BridgeHairpin } from '../pkg/virtualip/hairpin';
import { SystemNft } from '../pkg/virtualip/nft';
import { VirtualIps } from '../pkg/virtualip/virtual-ips';
import { median, print, say } from './lib/figure';

const port = 13_600;
const publishedPort = 13_601;
const rounds = Number(process.env.GILLIAM_BENCH_ROUNDS ?? 10);
const seconds = Number(process.env.GILLIAM_BENCH_SECONDS ?? 1);
const table = 'gilliam_bench';
const clock = new SystemClock();

/** How the upstream is asked. All but the last on a machine with Gilliam's tables, and all but two with its programs. */
const ways = {
  virtual: 'a virtual IP',
  rules: 'a virtual IP, by nftables alone',
  bridge: "the container's own address, over the bridge",
  published: 'its published port',
  bare: "the container's own address, over the bridge of a machine without Gilliam",
} as const;
type Way = keyof typeof ways;
const subjects = ['virtual', 'rules'] as const;
const peers: readonly Way[] = ['bridge', 'published', 'bare'];
const all: readonly Way[] = [...subjects, ...peers];

interface Sample {
  readonly requestsPerSecond: number;
  /** Of client, upstream and the kernel's threads for packets: what others do meanwhile is not in it. */
  readonly cpuUsPerRequest: number;
}

async function main(): Promise<void> {
  for (const bridged of [false, true]) {
    await compare('kept alive', [], bridged);
    await compare('a connection a request', ['-H', 'Connection: close'], bridged);
  }
}

async function compare(kind: string, headers: readonly string[], bridged: boolean): Promise<void> {
  const sites = new Map<Way, Site>();
  const samples: Record<Way, Sample[]> = { virtual: [], rules: [], bridge: [], published: [], bare: [] };
  try {
    for (const way of all) sites.set(way, await open(way, bridged));
    // The first round warms up, and is left.
    for (let round = 0; round <= rounds; round++) {
      // Another one first each time: whoever comes first may find a cooler machine.
      for (const index of all.keys()) {
        const way = all[(index + round) % all.length] as Way;
        const sample = await wrk(sites.get(way) as Site, headers);
        if (round > 0) samples[way].push(sample);
      }
    }
  } finally {
    for (const site of sites.values()) await site.close();
  }
  report(`${kind}, br_netfilter ${bridged ? 'on' : 'off'}`, samples);
}

function report(what: string, samples: Readonly<Record<Way, readonly Sample[]>>): void {
  const quantities = [
    { of: 'requestsPerSecond', figure: 'requests', unit: 'requests/s', target: 'ratio >= 0.95' },
    { of: 'cpuUsPerRequest', figure: 'CPU for one request', unit: 'µs', target: 'ratio <= 1.05' },
  ] as const;
  for (const { of, figure, unit, target } of quantities) {
    const values = (way: Way) => samples[way].map((sample) => sample[of]);
    for (const way of all) say(`${what}, ${of}, ${way}: ${values(way).map(Math.round).join(' ')}`);
    for (const subject of subjects) {
      for (const peer of peers) {
        print({
          bench: 'virtual-ip',
          figure: `${figure}, through ${ways[subject]}, ${what}`,
          value: median(values(subject)),
          unit,
          samples: rounds,
          peer: { name: ways[peer], value: median(values(peer)) },
          // Of the same round, so that a busy machine slows down both.
          ratio: median(values(subject).map((value, round) => value / (values(peer)[round] as number))),
          ...(subject === 'virtual' && { target }),
        });
      }
    }
  }
}

/** A network of its own: what one way leaves behind, in ports and connections, is in no other's way. */
interface Site {
  readonly network: BridgeNetwork;
  readonly url: string;
  /** The process that answers. */
  readonly upstream: number;
  close(): Promise<void>;
}

async function open(way: Way, bridged: boolean): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), 'gilliam-bench-'));
  const translated = way !== 'rules' && way !== 'bare';
  const sandbox = translated ? await TranslationSandbox.create() : undefined;
  const network = await BridgeNetwork.create(2, sandbox?.cgroup);
  const disposables: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const one of disposables.splice(0).reverse()) await one.close();
    await network.remove();
    await sandbox?.remove();
    await rm(dir, { recursive: true });
  };
  try {
    await network.setBridged(bridged);
    const upstream = await startUpstream(network, dir);
    if (way === 'published') await publish(network);
    const virtual =
      way === 'bare' ? undefined : await install({ network, sandbox, bridged, dir }, disposables);
    const host = {
      virtual,
      rules: virtual,
      published: network.machineAddress,
      bridge: undefined,
      bare: undefined,
    }[way];
    const url = `http://${host ?? network.address(1)}:${way === 'published' ? publishedPort : port}/`;
    return { network, url, upstream, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Place {
  readonly network: BridgeNetwork;
  /** Absent: nftables alone. */
  readonly sandbox: TranslationSandbox | undefined;
  readonly bridged: boolean;
  readonly dir: string;
}

/** What a machine of a stage has: virtual IPs, and the guard of auxiliary services. The upstream's virtual IP. */
async function install(
  { network, sandbox, bridged, dir }: Place,
  disposables: { close(): Promise<void> }[],
): Promise<string> {
  const inside = network.inside(network.machine);
  const registry = new FakeRegistry();
  const nft = new SystemNft({ clock, command: [...inside, 'nft'] });
  const common = { registry, executor: 'bench', table, nft, clock, log: silentLogger };
  const translation = sandbox?.translation(table, range);
  const virtualIps = new VirtualIps({
    ...(translation && { translation }),
    ...{ ...common, range, file: join(dir, 'virtual-ips.json') },
    hairpin: new BridgeHairpin({
      address: network.machineAddress,
      command: [...inside, 'ip'],
      bridged: async () => bridged,
    }),
  });
  disposables.push(virtualIps);
  await virtualIps.start();
  const bridge = () => bridgeOf(network.machineAddress, [...inside, 'ip']);
  const guard = new Guard({
    ...{ ...common, range, virtualIps, bridge, daemonPorts: [3128, 5353, 8500] },
    machineAddresses: () => [network.machineAddress],
  });
  disposables.push(guard);
  await guard.start();
  registry.setIdentity(network.address(0), 'shop/web.1');
  registry.setIdentity(network.address(1), 'shop/_cache.1');
  const at = { host: network.machineAddress, port, ports: { [port]: publishedPort } };
  await registry.put('shop/_cache.1', { ...at, executor: 'bench', address: network.address(1) });
  if (translation && !translation.isOn) throw new Error('virtual IPs are not translated at connect');
  const address = await virtualIps.addressOf({ service: '_cache', formation: 'shop' });
  await guard.inStep();
  if (address === undefined) throw new Error('there is no virtual IP');
  return address;
}

/** Publishes the upstream's port on the machine, by the rules that Docker makes of `--publish`. */
async function publish(network: BridgeNetwork): Promise<void> {
  const [to, local] = [network.address(1), '-m addrtype --dst-type LOCAL -j DOCKER'];
  for (const rule of [
    '-N DOCKER',
    `-A PREROUTING ${local}`,
    `-A OUTPUT ${local}`,
    `-A DOCKER -p tcp --dport ${publishedPort} -j DNAT --to-destination ${to}:${port}`,
    // A neighbour's answers have to come back through the machine.
    `-A POSTROUTING -d ${to} -p tcp --dport ${port} -m conntrack --ctstate DNAT --ctorigdst ${network.machineAddress} -j MASQUERADE`,
  ]) {
    const { code, stderr } = await network.run(network.machine, 'iptables', '-t', 'nat', ...rule.split(' '));
    if (code !== 0) throw new Error(`iptables ${rule}: ${stderr}`);
  }
}

/** nginx with a page of 1 KB; its process. */
async function startUpstream(network: BridgeNetwork, dir: string): Promise<number> {
  const file = join(dir, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
     events { worker_connections 4096; }
     http { access_log off; keepalive_requests 1000000;
            server { listen ${port} backlog=4096; location / { return 200 "${'x'.repeat(1024)}"; } } }`,
  );
  // The shell becomes nginx, of one process, so that the network's end is its end.
  const { pid } = await network.start(
    network.members[1] as string,
    ...onProcessor(1),
    ...['sh', '-c', `echo started; exec nginx -c ${file} -e ${dir}/error.log`],
  );
  const end = performance.now() + 10_000;
  const url = `http://${network.address(1)}:${port}/`;
  while ((await network.run(network.members[0] as string, 'curl', '-s', '--noproxy', '*', url)).code !== 0) {
    if (performance.now() > end) throw new Error('nginx does not answer');
  }
  return pid as number;
}

/**
 * Asks for so long. Client and upstream have a processor each, so that no round has another neighbour than the next.
 */
async function wrk({ network, url, upstream }: Site, headers: readonly string[]): Promise<Sample> {
  // What is translated takes a port of the machine's for two minutes: who comes later would search for a free one.
  await network.run(network.machine, 'conntrack', '-F');
  const args = ['-t', '1', '-c', '16', '-d', `${seconds}s`, ...headers, url];
  const kernel = softirqThreads();
  const before = cpuMs([upstream, ...kernel]);
  const { stdout, stderr } = await network.run(
    network.members[0] as string,
    ...onProcessor(0),
    ...['bash', '-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'bash', 'wrk', ...args],
  );
  const othersMs = cpuMs([upstream, ...kernel]) - before;
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? [];
  const [, requests] = /(\d+) requests in/.exec(stdout) ?? [];
  const [, user, system] = /^cpu ([\d.]+) ([\d.]+)$/m.exec(stderr) ?? [];
  if (rate === undefined || requests === undefined) throw new Error(`wrk: ${stderr || stdout}`);
  if (/Non-2xx|Socket errors/.test(stdout)) say(stdout);
  const clientMs = 1_000 * (Number(user) + Number(system));
  return {
    requestsPerSecond: Number(rate),
    cpuUsPerRequest: (1_000 * (clientMs + othersMs)) / Number(requests),
  };
}

function onProcessor(number: number): string[] {
  return ['taskset', '-c', String(number % cpus().length)];
}

/** What has run of processes of one thread each, softirqs that have run in them included. */
function cpuMs(pids: readonly number[]): number {
  const nanoseconds = pids.map((pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]));
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** The kernel's threads that do what softirqs have left over. */
function softirqThreads(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandOf(pid).startsWith('ksoftirqd/')).map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

void main();
