import { X509Certificate } from 'node:crypto';
import { covers, developmentTls } from '../../certificates/route-certificate';
import { RouteSpec } from '../../gen/gilliam/v1/route';
import { events, routes, type Route } from '../../resource/objects';
import { eventually } from '../../testing/api-harness';
import { ControlHarness } from '../../testing/control-harness';

const dayMs = 86_400_000;
const key = { formation: 'shop', name: 'front' };

describe('RouteReconciler', () => {
  let stage: ControlHarness;

  beforeEach(async () => {
    stage = new ControlHarness();
    await stage.formation('shop', 'web');
  });
  afterEach(() => stage.close());

  const front = async () => (await stage.store.get(routes, key)) as Route;
  const fingerprint = async () => (await front()).spec.tls?.fingerprint;

  /** A route with a certificate of that age. */
  const create = async (ageDays: number): Promise<string> => {
    const tls = await developmentTls('shop.localhost', new Date(stage.clock.now() - ageDays * dayMs));
    const spec = RouteSpec.fromPartial({ pattern: 'shop.localhost/', target: 'web.shop.service', tls });
    const metadata = { ...key, uid: 'u', generation: 1n, revision: 0n, labels: {} };
    const object: Route = { metadata, spec };
    await stage.store.commit([{ op: 'create', kind: routes, object }]);
    return tls.fingerprint;
  };
  /** Keys are made in real time, beside the virtual one. */
  const renewed = (before: string) =>
    eventually(async () => {
      await stage.run(500);
      expect(await fingerprint()).not.toBe(before);
    });

  it('renews a certificate for development in its last third, and tells so', async () => {
    stage.start();
    const before = await create(300);
    await renewed(before);
    const { metadata, spec } = await front();
    const leaf = new X509Certificate(spec.tls?.certificate ?? '');
    expect(covers(leaf, 'shop.localhost')).toBe(true);
    expect(spec).toMatchObject({ pattern: 'shop.localhost/', target: 'web.shop.service' });
    expect(spec.tls?.privateKey).toContain('PRIVATE KEY');
    expect(metadata.generation).toBe(2n);
    await stage.run(1_000);
    const told = (await stage.store.list(events, { formation: 'shop' })).items;
    expect(told.map(({ kind, name, reason }) => `${kind} ${name} ${reason}`)).toEqual([
      'Route front CertificateRenewed',
    ]);
    expect(told[0]?.message).toMatch(
      /^the development certificate of shop.localhost was renewed: it ends on \d{4}-\d\d-\d\d$/,
    );
  });

  it('does so once, though nothing changes meanwhile, and not before it is time', async () => {
    // Two thirds of 397 days and an hour, but for the hour that it began before.
    const before = await create(((397 + 1 / 24) * 2) / 3 - 1 / 24 - 10_000 / dayMs);
    stage.start();
    await stage.run(8_000);
    expect(await fingerprint()).toBe(before);
    await renewed(before);
    const after = await fingerprint();
    await stage.run(60_000);
    expect(await fingerprint()).toBe(after);
  });

  it('invariant 9: what a deposed leader has made does not replace what the next one made', async () => {
    const one = stage.start('one');
    await stage.run(1_000);
    const release = one.faults.hold();
    const commit = jest.spyOn(one.faults, 'commit');
    const before = await create(300);
    await eventually(async () => {
      await stage.run(100);
      expect(commit.mock.calls.flatMap(([writes]) => writes).map(({ kind }) => kind)).toContain(routes);
    });
    one.store.setReachable(false);
    stage.start('two');
    await stage.run(8_000);
    await renewed(before);
    const after = await fingerprint();
    one.store.setReachable(true);
    release();
    await stage.run(2_000);
    expect(one.faults.held.map((error) => (error as Error).name)).toContain('FencedError');
    expect(await fingerprint()).toBe(after);
  });
});
