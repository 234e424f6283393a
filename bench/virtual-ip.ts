// Requests through a virtual IP, against the same upstream asked in the ways that there are without one, in the same run:
// by the machine's published port, which is all that `gilliam ps` tells, by the rules that Docker makes for it where it
// has no proxy of its own between; and by the container's own address, over the bare bridge, which no service knows of
// another. The client, the upstream and the machine between them are network namespaces on one bridge, as containers are.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../pkg/base/clock';
import { silentLogger } from '../pkg/base/log';
import { BridgeNetwork } from '../pkg/testing/bridge-network';
import { FakeRegistry } from '../pkg/testing/fake-registry';
import { removeTable, SystemNft } from '../pkg/virtualip/nft';
import { VirtualIps } from '../pkg/virtualip/virtual-ips';
import { median, print, say } from './lib/figure';

const port = 13_600;
const publishedPort = 13_601;
const rounds = 5;
const seconds = 2;
const table = 'gilliam_bench';

async function main(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'gilliam-bench-'));
  const network = await BridgeNetwork.create(2);
  const clock = new SystemClock();
  const inside = network.inside(network.machine);
  const nft = new SystemNft({ clock, command: [...inside, 'nft'] });
  const registry = new FakeRegistry();
  const virtualIps = new VirtualIps({
    ...{ registry, executor: 'bench', range: '198.19.240.0/20', table, nft, clock, log: silentLogger },
    file: join(dir, 'virtual-ips.json'),
  });
  try {
    await startUpstream(network, dir);
    const upstream = network.address(1);
    await publish(network);
    await virtualIps.start();
    const body = { host: upstream, port, ports: { [port]: port }, executor: 'bench', address: upstream };
    await registry.put('shop/web.1', body);
    const virtual = await virtualIps.addressOf({ service: 'web', formation: 'shop' });
    for (const bridged of [true, false]) {
      await network.setBridged(bridged);
      for (const [kind, ...headers] of [
        ['kept alive'],
        ['a connection a request', '-H', 'Connection: close'],
      ]) {
        const through: number[] = [];
        const peers = [
          { name: 'its published port', url: `http://${network.machineAddress}:${publishedPort}/` },
          { name: 'its own address, over the bridge', url: `http://${upstream}:${port}/` },
        ].map((peer) => ({ ...peer, rates: [] as number[] }));
        // In turns, so that what the machine does besides hits all.
        for (let round = 0; round < rounds; round++) {
          for (const { url, rates } of peers) rates.push(await wrk(network, url, headers));
          through.push(await wrk(network, `http://${virtual}:${port}/`, headers));
        }
        say(`${kind}, br_netfilter ${bridged ? 'on' : 'off'}: ${through.map(Math.round).join(' ')}`);
        for (const { name, rates } of peers) {
          print({
            bench: 'virtual-ip',
            figure: `requests through a virtual IP, ${kind}, br_netfilter ${bridged ? 'on' : 'off'}`,
            value: median(through),
            unit: 'requests/s',
            samples: rounds,
            peer: { name, value: median(rates) },
            // Of neighbouring runs, so that a busy machine slows down both.
            ratio: median(through.map((rate, round) => rate / (rates[round] as number))),
            target: 'ratio >= 0.95',
          });
        }
      }
    }
  } finally {
    await virtualIps.close();
    await removeTable(nft, table);
    await network.remove();
    await rm(dir, { recursive: true });
  }
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

/** nginx with a page of 1 KB. */
async function startUpstream(network: BridgeNetwork, dir: string): Promise<void> {
  const file = join(dir, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
     events { worker_connections 4096; }
     http { access_log off; keepalive_requests 1000000;
            server { listen ${port} backlog=4096; location / { return 200 "${'x'.repeat(1024)}"; } } }`,
  );
  // The shell becomes nginx, of one process, so that the network's end is its end.
  await network.start(
    network.members[1] as string,
    'sh',
    '-c',
    `echo started; exec nginx -c ${file} -e ${dir}/error.log`,
  );
  const end = performance.now() + 10_000;
  const url = `http://${network.address(1)}:${port}/`;
  while ((await network.run(network.members[0] as string, 'curl', '-s', '--noproxy', '*', url)).code !== 0) {
    if (performance.now() > end) throw new Error('nginx does not answer');
  }
}

async function wrk(network: BridgeNetwork, url: string, headers: readonly string[]): Promise<number> {
  const client = network.members[0] as string;
  // What is translated takes a port of the machine's for two minutes: who comes later would search for a free one.
  await network.run(network.machine, 'conntrack', '-F');
  const args = ['-t', '1', '-c', '16', '-d', `${seconds}s`, ...headers, url];
  const { stdout, stderr } = await network.run(client, 'wrk', ...args);
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? [];
  if (rate === undefined) throw new Error(`wrk: ${stderr || stdout}`);
  if (/Non-2xx|Socket errors/.test(stdout)) say(stdout);
  return Number(rate);
}

void main();
