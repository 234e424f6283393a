import { DeniedError } from '../base/errors';
import { RouteSpec } from '../gen/gilliam/v1/route';
import type { FollowRoutesResponse } from '../gen/gilliam/v1/router_service';
import { formations, routes, type Route } from '../resource/objects';
import { ApiHarness, eventually } from '../testing/api-harness';

let api: ApiHarness;
const ends: AbortController[] = [];
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await api.close();
});

function follow(token = 'executor-token', heldOnly = false) {
  const end = new AbortController();
  ends.push(end);
  const following = { tables: [] as FollowRoutesResponse[], error: undefined as unknown };
  const client = api.connect({ token });
  void (async () => {
    try {
      const stream = client.router.followRoutes({ name: 'edge', heldOnly }, { signal: end.signal });
      for await (const table of stream) following.tables.push(table);
    } catch (error) {
      following.error = error;
    }
  })();
  return following;
}

const create = (name: string, spec: Partial<RouteSpec> = {}) =>
  api.client.routes.createRoute({
    parent: 'formations/shop',
    route: {
      metadata: { name },
      spec: RouteSpec.fromPartial({ pattern: `myapp.com/${name}`, target: 'web.shop.service', ...spec }),
    },
  });
const names = (table: FollowRoutesResponse | undefined) =>
  table?.routes.map(({ metadata }) => metadata?.name);

test('the whole table at once, also where there is none, and again after each change', async () => {
  const following = follow();
  await eventually(() => expect(following.tables.map(names)).toEqual([[]]));
  await create('b');
  await eventually(() => expect(names(following.tables.at(-1))).toEqual(['b']));
  await create('a');
  await eventually(() => expect(names(following.tables.at(-1))).toEqual(['a', 'b']));
  await api.client.routes.deleteRoute({ name: 'formations/shop/routes/b' });
  await eventually(() => expect(names(following.tables.at(-1))).toEqual(['a']));
  const revisions = following.tables.map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((left, right) => Number(left - right)));
  const late = follow();
  await eventually(() => expect(late.tables.map(names)).toEqual([['a']]));
});

test('private keys are in it', async () => {
  await create('a', { tls: { certificate: '', privateKey: '', development: true, fingerprint: '' } });
  const following = follow();
  await eventually(() =>
    expect(following.tables.at(-1)?.routes[0]?.spec?.tls?.privateKey).toContain('BEGIN PRIVATE KEY'),
  );
});

test('only executors may follow', async () => {
  const following = follow('user-token');
  await eventually(() => expect(following.error).toBeInstanceOf(DeniedError));
  expect(following.tables).toEqual([]);
});

test('many changes at a time make few tables, and the last one is complete', async () => {
  const following = follow();
  await eventually(() => expect(following.tables).toHaveLength(1));
  const object = (index: number): Route => ({
    metadata: {
      name: `r${index}`,
      formation: 'shop',
      uid: `u${index}`,
      generation: 1n,
      revision: 0n,
      labels: {},
    },
    spec: RouteSpec.fromPartial({ pattern: `/${index}`, target: 'web.shop.service' }),
  });
  for (let index = 0; index < 200; index++) {
    await api.store.commit([{ op: 'create', kind: routes, object: object(index) }]);
  }
  await eventually(() => expect(following.tables.at(-1)?.routes).toHaveLength(200));
  expect(following.tables.length).toBeLessThan(100);
});

test('a follower goes on where the control plane is started again', async () => {
  await create('a');
  const following = follow();
  await eventually(() => expect(following.tables).toHaveLength(1));
  await api.stopServer();
  await eventually(() => expect(following.error).toBeDefined());
  await api.startServer();
  const again = follow();
  await eventually(() => expect(names(again.tables.at(-1))).toEqual(['a']));
});

test('services that may be scaled to none are named, and again when a rule changes', async () => {
  const following = follow();
  const proxy = follow('executor-token', true);
  await eventually(() =>
    expect([following.tables, proxy.tables].map(({ length }) => length)).toEqual([1, 1]),
  );
  await create('a');
  await eventually(() => expect(names(following.tables.at(-1))).toEqual(['a']));
  const rule = async (min: number) => {
    const formation = (await api.store.get(formations, { formation: '', name: 'shop' }))!;
    const scaling = { web: { min, max: 4 }, worker: { min: 1, max: 4 } };
    const object = { ...formation, spec: { ...formation.spec, scaling } };
    await api.store.commit([{ op: 'update', kind: formations, object }]);
  };
  await rule(0);
  await eventually(() => expect(following.tables.at(-1)?.heldServices).toEqual(['web.shop']));
  await rule(1);
  await eventually(() => expect(following.tables.at(-1)?.heldServices).toEqual([]));
  // To a proxy routes are no news, and their private keys none of its business.
  await eventually(() => {
    expect(proxy.tables.map(({ heldServices }) => heldServices)).toEqual([[], ['web.shop'], []]);
  });
  expect(proxy.tables.flatMap(({ routes: told }) => told)).toEqual([]);
});
