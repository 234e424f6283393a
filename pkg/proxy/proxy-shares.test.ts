import { answering, get, ok, ProxyHarness } from '../testing/proxy-harness';

let harness: ProxyHarness;
beforeEach(async () => {
  harness = await ProxyHarness.start();
});
afterEach(() => harness.end());

/** Ten instances, of which the last is v2. */
async function announce(trafficPercent?: number): Promise<void> {
  for (let n = 1; n <= 10; n++) {
    const server = await harness.endpoint(`shop/web.${n}`, answering(ok()));
    const share = n === 10 && trafficPercent !== undefined ? { trafficPercent } : {};
    const release = n === 10 ? 'v2' : 'v1';
    const reached = { host: '127.0.0.1', port: server.port, ports: { '80': server.port } };
    await harness.registry.put(`shop/web.${n}`, { ...reached, release, ...share });
  }
}

/** How many of so many requests go to v2. */
async function requestsToV2(count: number): Promise<number> {
  const requests = () => harness.traffic.lines().find(({ release }) => release === 'v2')?.requests ?? 0;
  const before = requests();
  const caller = await harness.caller();
  for (let n = 0; n < count; n++) {
    caller.send(get());
    await caller.message();
  }
  return requests() - before;
}

it('a canary of one in ten gets a tenth of the requests', async () => {
  await announce();
  const own = await requestsToV2(2_000);
  expect(own).toBeGreaterThanOrEqual(180);
  expect(own).toBeLessThanOrEqual(220);
});

it.each([5, 50, 0])('a canary with %d %% of the requests gets exactly that', async (percent) => {
  await announce(percent);
  const own = await requestsToV2(2_000);
  expect(Math.abs(own / 2_000 - percent / 100)).toBeLessThanOrEqual(0.005);
});

it('a share that is changed holds at once, and one that ends is one by number again', async () => {
  await announce(5);
  await requestsToV2(10);
  await announce(80);
  expect(Math.abs((await requestsToV2(1_000)) / 1_000 - 0.8)).toBeLessThanOrEqual(0.02);
  await announce();
  expect(Math.abs((await requestsToV2(1_000)) / 1_000 - 0.1)).toBeLessThanOrEqual(0.02);
});
