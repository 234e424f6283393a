// Requests that fail while releases replace each other under load, on two hosts, of an app that ends at once on SIGTERM:
// through router, proxy and virtual IP at once. The figure is to be 0. GILLIAM_DRAIN_ROUNDS says how many migrations.
import { migrate, type Load } from '../test/e2e/load';
import { NetworkedShop } from '../test/e2e/networked-shop';
import { median, print, quantile, say } from './lib/figure';

const rounds = Number(process.env.GILLIAM_DRAIN_ROUNDS ?? 100);
const url = 'http://web.shop.service/';

void main();

async function main(): Promise<void> {
  say('starting two hosts');
  const shop = await NetworkedShop.open();
  try {
    await measure(shop);
  } finally {
    await shop.close();
  }
}

async function measure(shop: NetworkedShop): Promise<void> {
  const { hosts, cwd, release } = shop;
  const next = (await hosts.lines(['config', 'STEP=next'], { cwd })).at(-1)?.split(' ')[0] ?? '';
  const loads: Readonly<Record<string, Load>> = {
    router: shop.loadRouter(1),
    proxy: await shop.loadFrom(1, { url, proxied: true }),
    'virtual IP': await shop.loadFrom(2, { url }),
    'virtual IP, a connection a request': await shop.loadFrom(2, { url, perConnection: 1 }),
  };
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [from, to] = round % 2 === 0 ? [release, next] : [next, release];
    const startMs = performance.now();
    await migrate(hosts, { cwd, process: 'web', from, to, count: 2 });
    tookMs.push(performance.now() - startMs);
    say(`migration ${round + 1} of ${rounds}: ${tookMs.at(-1)?.toFixed(0)} ms`);
  }
  for (const [way, load] of Object.entries(loads)) {
    const { requests, failed, failures, slowestMs } = await load.stop();
    for (const failure of failures) say(`${way}: ${JSON.stringify(failure)}`);
    const about = { bench: 'drain', samples: requests };
    const figure = `failed of ${requests} requests over ${rounds} migrations: ${way}`;
    print({ ...about, figure, value: failed, unit: 'requests', target: 'value = 0' });
    print({ ...about, figure: `slowest request: ${way}`, value: slowestMs, unit: 'ms' });
  }
  const about = { bench: 'drain', unit: 'ms', samples: rounds };
  print({ ...about, figure: 'one migration of 2 instances, median', value: median(tookMs) });
  print({ ...about, figure: 'one migration of 2 instances, p99', value: quantile(tookMs, 0.99) });
}
