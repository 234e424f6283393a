import { route, RouterHarness, Upstream } from './testing';

jest.setTimeout(60_000);

const table = [
  route('web', 'a.com/', 'web.shop.service/'),
  route('own', 'b.com/', 'web.shop.service/', {
    weights: [
      { release: 'v1', weight: 1 },
      { release: 'v2', weight: 1 },
    ],
  }),
];

describe('shares of releases, by the real HAProxy', () => {
  const harness = new RouterHarness(table);
  const upstreams: Upstream[] = [];

  beforeAll(async () => {
    for (let n = 1; n <= 10; n++) upstreams.push(await Upstream.start(String(n)));
    await harness.start();
  });
  afterAll(async () => {
    await harness.stop();
    for (const upstream of upstreams) upstream.close();
  });

  /** Ten instances, of which the last is v2. */
  async function announce(trafficPercent?: number): Promise<void> {
    for (const [index, { port }] of upstreams.entries()) {
      const release = index === 9 ? 'v2' : 'v1';
      const share = index === 9 && trafficPercent !== undefined ? { trafficPercent } : {};
      await harness.registry.put(`shop/web.${index + 1}`, { host: '127.0.0.1', port, release, ...share });
    }
  }

  async function shareOfV2(count: number, host = 'a.com'): Promise<number> {
    const before = upstreams[9]?.requests ?? 0;
    for (let n = 0; n < count; n++) await harness.get('/', { host });
    return ((upstreams[9]?.requests ?? 0) - before) / count;
  }

  test('a canary of one in ten gets a tenth of the requests', async () => {
    await announce();
    expect(Math.abs((await shareOfV2(1_000)) - 0.1)).toBeLessThanOrEqual(0.01);
  });

  test.each([5, 50, 0])('a canary with %d %% of the requests gets exactly that', async (percent) => {
    await announce(percent);
    expect(Math.abs((await shareOfV2(1_000)) - percent / 100)).toBeLessThanOrEqual(0.005);
  });

  test("a route's own weights win", async () => {
    await announce(5);
    expect(Math.abs((await shareOfV2(400, 'b.com')) - 0.5)).toBeLessThanOrEqual(0.02);
  });

  test('without the share it is one by number again', async () => {
    await announce();
    expect(Math.abs((await shareOfV2(1_000)) - 0.1)).toBeLessThanOrEqual(0.01);
  });
});
