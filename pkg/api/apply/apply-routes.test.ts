import { ExistsError } from '../../base/errors';
import { developmentCertificate } from '../../certificates/development-certificate';
import { type Route, routes } from '../../resource/objects';
import { ApiHarness } from '../../testing/api-harness';
import { apply, formationOf, route, settled, shop } from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('routes', () => {
  test('that match the same as another are refused, whosever it is', async () => {
    await apply(api, { ...shop, routes: [route('a', 'a.localhost/x')] }, { name: 'other' });
    const refused = apply(api, { ...shop, routes: [route('mine', 'a.localhost/x')] });
    await expect(refused).rejects.toThrow(ExistsError);
    await expect(refused).rejects.toThrow('route a of "other" matches exactly what "a.localhost/x" does');
    await expect(
      apply(api, { ...shop, routes: [route('a', 'b.localhost/'), route('b', 'b.localhost/')] }),
    ).rejects.toThrow('matches exactly');
    expect(await formationOf(api)).toBeUndefined();
  });

  test('may take over from each other what they match', async () => {
    await apply(api, { ...shop, routes: [route('a', 'a.localhost/'), route('b', 'b.localhost/')] });
    await apply(api, { routes: [route('a', 'b.localhost/'), route('b', 'a.localhost/')] });
    await apply(api, { routes: [route('b', 'c.localhost/')] });
    await apply(api, { routes: [route('c', 'a.localhost/')] });
    await expect(apply(api, { routes: [route('d', 'b.localhost/')] })).rejects.toThrow('route a of "shop"');
  });

  test('four hundred fit into one step, and more are refused with what to do', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => route(`r${index}`, `r${index}.localhost/`));
    await apply(api, { ...shop, routes: many(400) });
    expect((await api.store.list(routes)).items).toHaveLength(400);
    const refused = apply(api, { ...shop, routes: many(950) });
    await expect(refused).rejects.toThrow(
      /^shop is too much for one step: .* at most 1000: apply some of its routes first, or make two formations of it$/,
    );
    expect((await api.store.list(routes)).items).toHaveLength(400);
    await apply(api, { ...shop, routes: many(600) });
    expect((await api.store.list(routes)).items).toHaveLength(600);
  });

  test('with certificates for development keep theirs', async () => {
    const tls = {
      ...route('a', 'a.localhost/'),
      spec: { ...route('a', 'a.localhost/').spec, tls: { development: true } },
    };
    await apply(api, { ...shop, routes: [tls] });
    const before = await settled(api);
    expect((await apply(api, { ...shop, routes: [tls] })).changes).toEqual([]);
    expect(await settled(api)).toBe(before);
  });

  test('with certificates for development that end soon get new ones, and the plan says so', async () => {
    const tls = {
      ...route('a', 'a.localhost/'),
      spec: { ...route('a', 'a.localhost/').spec, tls: { development: true } },
    };
    await apply(api, { ...shop, routes: [tls] });
    const made = await routeOf();
    const old = await developmentCertificate('a.localhost', new Date(api.clock.now() - 350 * 86_400_000));
    const aged = { ...made, spec: { ...made.spec, tls: { ...old, development: true, fingerprint: 'old' } } };
    await api.store.commit([{ op: 'update', kind: routes, object: aged }]);
    const planned = await apply(api, { ...shop, routes: [tls] }, { validateOnly: true });
    expect(planned.changes).toEqual([
      expect.objectContaining({ object: 'route a', field: 'tls', after: 'for development, renewed' }),
    ]);
    await apply(api, { ...shop, routes: [tls] }, { expectedPlan: planned.plan });
    expect((await routeOf()).spec.tls?.certificate).not.toBe(old.certificate);

    async function routeOf(): Promise<Route> {
      const [found] = (await api.store.list(routes, { formation: 'shop' })).items;
      if (!found) throw new Error('no route');
      return found;
    }
  });
});
