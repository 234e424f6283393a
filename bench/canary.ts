// What a canary of 1 of 10 instances gets of 20,000 requests, 16 at a time, through the real HAProxy and the proxy: by
// the number of its instances, and with an exact share of 5 %. GILLIAM_CANARY_REQUESTS says how many requests.
import { Agent, request, type RequestOptions } from 'node:http';
import { route, RouterHarness, Upstream } from '../pkg/router/testing';
import type { FakeRegistry } from '../pkg/testing/fake-registry';
import { ProxyHarness } from '../pkg/testing/proxy-harness';
import { print, say } from './lib/figure';

const requests = Number(process.env.GILLIAM_CANARY_REQUESTS ?? 20_000);
const callers = 16;
const instances = 10;

interface Way {
  readonly name: string;
  readonly registry: FakeRegistry;
  readonly options: RequestOptions;
}

void main();

async function main(): Promise<void> {
  const upstreams = await Promise.all(Array.from({ length: instances }, (_, n) => Upstream.start(String(n))));
  const router = new RouterHarness([route('web', 'a.com/', 'web.shop.service/')]);
  await router.start();
  const proxy = await ProxyHarness.start();
  const ways: Way[] = [
    {
      ...{ name: 'router', registry: router.registry },
      options: { port: router.httpPort, path: '/', headers: { host: 'a.com' } },
    },
    {
      ...{ name: 'proxy', registry: proxy.registry },
      options: { port: proxy.port, path: 'http://web.shop.service/', headers: { host: 'web.shop.service' } },
    },
  ];
  try {
    for (const way of ways) {
      await measure(way, upstreams, undefined);
      await measure(way, upstreams, 5);
    }
  } finally {
    await proxy.end();
    await router.stop();
    for (const upstream of upstreams) upstream.close();
  }
}

async function measure(
  { name, registry, options }: Way,
  upstreams: readonly Upstream[],
  trafficPercent: number | undefined,
): Promise<void> {
  for (const [index, { port }] of upstreams.entries()) {
    const canary = index === instances - 1;
    const share = canary && trafficPercent !== undefined ? { trafficPercent } : {};
    const release = canary ? 'v2' : 'v1';
    const reached = { host: '127.0.0.1', port, ports: { '80': port } };
    await registry.put(`shop/web.${index + 1}`, { ...reached, release, ...share });
  }
  say(`${name}: ${requests} requests, ${trafficPercent ?? 'no'} % given`);
  const before = upstreams.at(-1)?.requests ?? 0;
  await load(options);
  const share = (((upstreams.at(-1)?.requests ?? 0) - before) / requests) * 100;
  const aimed = trafficPercent ?? 100 / instances;
  const within = trafficPercent === undefined ? 1 : 0.5;
  const how = trafficPercent === undefined ? '1 of 10 instances' : `--weight ${trafficPercent}`;
  print({
    ...{ bench: 'canary', figure: `share of a canary, ${how}: ${name}`, value: share, unit: '%' },
    ...{ target: `${aimed} ± ${within}`, samples: requests },
  });
}

async function load(options: RequestOptions): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  let left = requests;
  const caller = async () => {
    while (left-- > 0) await ask({ ...options, host: '127.0.0.1', agent });
  };
  await Promise.all(Array.from({ length: callers }, caller));
  agent.destroy();
}

function ask(options: RequestOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`answered with ${response.statusCode}`));
      });
    });
    asked.once('error', reject);
    asked.end();
  });
}
