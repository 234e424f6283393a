import { ApiHarness, eventually, testImage, testProcesses } from '../../testing/api-harness';
import {
  apply,
  type Desired,
  formationOf,
  instanceLinesOf,
  linesOf,
  otherImage,
  processes,
  releaseOf,
  shop,
} from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('auxiliary services', () => {
  const redis = {
    image: testImage,
    volumes: [{ name: 'data', path: '/data' }],
    auxiliary: {
      type: 'redis',
      version: '7',
      urlVariable: 'CACHE_URL',
      url: 'redis://:{secret}@{host}:{port}',
    },
  };
  const secretOf = async (name: string, service = '_cache') =>
    (await releaseOf(api, name))?.spec.processes[service]?.auxiliary?.secret ?? '';

  test('have secrets that are made once, carried on, and never shown', async () => {
    const end = new AbortController();
    const watched: unknown[] = [];
    const watching = (async () => {
      const request = { parent: 'formations/-', kinds: ['Release'] };
      for await (const { changes } of api.client.watch.watch(request, { signal: end.signal })) {
        watched.push(...changes.map(({ object }) => object?.value));
      }
    })().catch(() => undefined);
    const planned = await apply(api, processes({ _cache: redis }), { validateOnly: true });
    const made = await apply(api, processes({ _cache: redis }), { expectedPlan: planned.plan });
    const secret = await secretOf('v1');
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const next = await apply(api, {
      release: { processes: { ...testProcesses, _cache: redis }, config: { A: 'x' } },
    });
    expect(await secretOf('v2')).toBe(secret);
    expect(linesOf(next)).not.toContainEqual(expect.stringContaining('_cache'));

    const { releases: listed } = await api.client.releases.listReleases({ parent: 'formations/shop' });
    const { release: got } = await api.client.releases.getRelease({ name: 'formations/shop/releases/v1' });
    await eventually(() => expect(watched.length).toBeGreaterThan(0));
    end.abort();
    await watching;
    for (const seen of [planned, made, next, listed, got, watched]) {
      const text = JSON.stringify(seen, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(text).not.toContain(secret);
      expect(text).not.toMatch(/"secret":"[^"]/);
    }
  });

  test('find their secret again after they were gone', async () => {
    await apply(api, { ...processes({ _cache: redis }), factors: { web: 0, worker: 0, _cache: 0 } });
    await apply(api, shop, { prune: true });
    expect((await releaseOf(api, 'v2'))?.spec.processes).not.toHaveProperty('_cache');
    await eventually(async () => {
      const planned = await apply(api, processes({ _cache: redis }), { validateOnly: true });
      expect(planned.release?.metadata?.name).toBe('v3');
    });
    await apply(api, processes({ _cache: redis }));
    expect(await secretOf('v3')).toBe(await secretOf('v1'));
  });

  test('are carried on by a deploy that says nothing of their secret, and none is taken from outside', async () => {
    await apply(api, processes({ _cache: redis }));
    const spec = { image: otherImage, processes: { ...testProcesses, _cache: redis } };
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec,
      updateMask: ['image', 'processes'],
    });
    expect(await secretOf('v2')).toBe(await secretOf('v1'));
    const own = { ...redis, auxiliary: { ...redis.auxiliary, secret: 'mine' } };
    await expect(apply(api, processes({ _cache: own }))).rejects.toThrow('is made here: leave it out');
  });

  test('of the same words are kept by a rollout', async () => {
    await apply(api, processes({ _cache: redis }));
    await api.placeInstance({ process: '_cache' });
    await eventually(async () => {
      const wish = { release: { processes: { ...testProcesses, _cache: redis }, config: { A: 'x' } } };
      const planned = await apply(api, wish, { validateOnly: true });
      expect(instanceLinesOf(planned)).toContain('keep _cache.1 v1');
    });
  });

  test('with one volume are not scaled above 1', async () => {
    await expect(apply(api, { ...processes({ _cache: redis }), factors: { _cache: 2 } })).rejects.toThrow(
      '_cache has the volume "data", and 2 instances would each keep data of their own',
    );
  });

  test('of other formations are imported where they are shared; a plan does not ask', async () => {
    const wish: Desired = { ...shop, formation: { imports: { store: '_cache.accounts' } } };
    await expect(apply(api, wish)).rejects.toThrow('gilliam share _cache --with shop');
    expect((await apply(api, wish, { validateOnly: true })).changes.length).toBeGreaterThan(0);
    await apply(
      api,
      { ...processes({ _cache: redis }), formation: { shares: { _cache: { with: ['shop'] } } } },
      { name: 'accounts' },
    );
    await apply(api, wish);
    expect((await formationOf(api))?.spec.imports).toEqual({ store: '_cache.accounts' });
  });
});
