import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConflictError, ExistsError, InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import { RouteSpec } from '../gen/gilliam/v1/route';
import type { DeepPartial } from '../gen/gilliam/v1/route';
import { routes } from '../resource/objects';
import { routeClaims } from '../resource/route-claim';
import { ApiHarness, eventually } from '../testing/api-harness';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(() => api.close());

const target = 'web.shop.service';
type Spec = DeepPartial<RouteSpec>;

async function create(spec: Spec, over: { name?: string; formation?: string; validateOnly?: boolean } = {}) {
  const { name = '', formation = 'shop', validateOnly } = over;
  const parent = `formations/${formation}`;
  const { route } = await api.client.routes.createRoute({
    parent,
    route: { metadata: { name }, spec: RouteSpec.fromPartial(spec) },
    validateOnly,
  });
  return route;
}

const update = (name: string, spec: Spec, over: { revision?: bigint; validateOnly?: boolean } = {}) =>
  api.client.routes.updateRoute({
    route: {
      metadata: { formation: 'shop', name, revision: over.revision },
      spec: RouteSpec.fromPartial(spec),
    },
    validateOnly: over.validateOnly,
  });
const get = async (name: string) =>
  (await api.client.routes.getRoute({ name: `formations/shop/routes/${name}` })).route;
const remove = (name: string, validateOnly = false) =>
  api.client.routes.deleteRoute({ name: `formations/shop/routes/${name}`, validateOnly });
const claims = async () => (await api.store.list(routeClaims)).items;

describe('creating', () => {
  test('without a name, one is made of the pattern', async () => {
    const route = await create({
      pattern: 'myapp.com/user/{username}',
      target: 'web.shop.service/{username}',
    });
    expect(route).toMatchObject({
      metadata: { name: 'myapp-com-user-username', formation: 'shop', generation: 1n },
    });
    expect(await get('myapp-com-user-username')).toEqual(route);
    const again = await create({ pattern: 'myapp.com/user/{username:[a-z]+}', target });
    expect(again?.metadata?.name).toBe('myapp-com-user-username-2');
    expect((await create({ pattern: '/', target }))?.metadata?.name).toBe('route');
  });

  test('validate_only changes nothing', async () => {
    expect(await create({ pattern: '/', target }, { validateOnly: true })).toBeDefined();
    expect((await api.store.list(routes)).items).toEqual([]);
    expect(await claims()).toEqual([]);
  });

  test.each<[string, Spec, string]>([
    ['a pattern that is none', { pattern: '/a{b', target }, 'pattern, column 3: nothing closes this {'],
    ['an unknown variable', { pattern: '/{a}', target: 'web.shop.service/{b}' }, 'no variable "b"'],
    ['a runaway expression', { pattern: '/{a:(x+)+y}', target }, 'could run away'],
    ['neither target nor redirect', { pattern: '/' }, 'the target is missing'],
  ])('%s is refused', async (_, spec, message) => {
    const error = (await create(spec).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toBeInstanceOf(InvalidError);
    expect(error.message).toContain(message);
  });

  test('all faults are told at once, each with its field', async () => {
    const error = await create({ pattern: '/{', target: 'x', methods: ['get'], retries: 99 }).catch(
      (e: unknown) => e,
    );
    expect((error as InvalidError).violations.map(({ field }) => field)).toEqual([
      'route.spec.pattern',
      'route.spec.methods',
      'route.spec.retries',
    ]);
  });

  test('a formation that is not there, and one that is being deleted', async () => {
    await expect(create({ pattern: '/', target }, { formation: 'shpo' })).rejects.toThrow(
      'did you mean "shop"?',
    );
    await api.client.formations.deleteFormation({ name: 'formations/shop' });
    await expect(create({ pattern: '/', target })).rejects.toThrow(PreconditionError);
  });

  test('a name that is taken', async () => {
    await create({ pattern: '/a', target }, { name: 'a' });
    await expect(create({ pattern: '/b', target }, { name: 'a' })).rejects.toThrow('has a route "a" already');
    await expect(create({ pattern: '/b', target }, { name: 'A' })).rejects.toThrow(InvalidError);
  });
});

describe('exact duplicates', () => {
  test.each<[Spec, Spec]>([
    [{ pattern: '/a/{x}' }, { pattern: '/a/{y}' }],
    [{ pattern: 'MyApp.com/a' }, { pattern: 'myapp.com/a' }],
    [{ pattern: '/files/' }, { pattern: '/files/{rest:.*}' }],
    [{ pattern: '/{n:[0-9]}' }, { pattern: '/{n:\\d}' }],
    [
      { pattern: '/a', methods: ['GET', 'PUT'] },
      { pattern: '/a', methods: ['PUT', 'GET'] },
    ],
  ])('%j and %j match the same', async (first, second) => {
    await create({ ...first, target }, { name: 'first' });
    await api.shop('other');
    const refused = create({ ...second, target }, { formation: 'other' });
    await expect(refused).rejects.toBeInstanceOf(ExistsError);
    await expect(refused).rejects.toThrow('route first of "shop" matches exactly what');
  });

  test('a method, header or parameter makes a difference', async () => {
    await create({ pattern: '/a', target });
    await create({ pattern: '/a', target, methods: ['GET'] });
    await create({
      pattern: '/a',
      target,
      headers: [{ name: 'x', match: { $case: 'present', value: true } }],
    });
    await create({ pattern: '/a', target, query: [{ name: 'x', match: { $case: 'present', value: true } }] });
    expect(await claims()).toHaveLength(4);
  });

  test('invariant 5: of many made at the same moment exactly one is taken', async () => {
    await api.shop('other');
    for (let round = 0; round < 5; round++) {
      const made = await Promise.allSettled(
        ['x', 'y', 'z', 'w'].map((variable, index) =>
          create(
            { pattern: `/round-${round}/{${variable}}`, target },
            { name: `r${round}-${variable}`, formation: index % 2 ? 'other' : 'shop' },
          ),
        ),
      );
      expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of made) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ExistsError);
      }
    }
    expect((await api.store.list(routes)).items).toHaveLength(5);
    expect(await claims()).toHaveLength(5);
  });

  test('what is deleted or changed gives its place free', async () => {
    await create({ pattern: '/a', target }, { name: 'a' });
    await update('a', { pattern: '/b', target });
    await create({ pattern: '/a', target }, { name: 'other' });
    await remove('a');
    await create({ pattern: '/b', target }, { name: 'b' });
    expect(await claims()).toHaveLength(2);
  });

  test('what a route left that went with its formation is taken over', async () => {
    await create({ pattern: '/a', target }, { name: 'a' });
    const { metadata } = (await get('a'))!;
    const key = { formation: 'shop', name: 'a' };
    await api.store.commit([{ op: 'delete', kind: routes, key, revision: metadata!.revision }]);
    await create({ pattern: '/a', target }, { name: 'b' });
    await expect(create({ pattern: '/a', target }, { name: 'c' })).rejects.toThrow('route b of "shop"');
    expect(await claims()).toHaveLength(1);
  });
});

describe('changing and deleting', () => {
  test('the whole spec is replaced; a change of nothing is none', async () => {
    const first = await create({ pattern: '/a', target, methods: ['GET'] }, { name: 'a' });
    const same = await update('a', { pattern: '/a', target, methods: ['GET'] });
    expect(same.route).toEqual(first);
    const { route } = await update('a', { pattern: '/a', target, retries: 0 });
    expect(route).toMatchObject({ metadata: { generation: 2n }, spec: { methods: [], retries: 0 } });
    expect(await get('a')).toEqual(route);
  });

  test('a revision makes it conditional; validate_only changes nothing', async () => {
    const first = await create({ pattern: '/a', target }, { name: 'a' });
    await update('a', { pattern: '/a', target, retries: 1 }, { validateOnly: true });
    expect(await get('a')).toEqual(first);
    await update('a', { pattern: '/a', target, retries: 1 });
    await expect(
      update('a', { pattern: '/a', target, retries: 2 }, { revision: first!.metadata!.revision }),
    ).rejects.toBeInstanceOf(ConflictError);
  });

  test('it must not become what another one is', async () => {
    await create({ pattern: '/a', target }, { name: 'a' });
    await create({ pattern: '/b', target }, { name: 'b' });
    await expect(update('b', { pattern: '/a', target })).rejects.toBeInstanceOf(ExistsError);
  });

  test('deleting', async () => {
    await create({ pattern: '/a', target }, { name: 'account' });
    await remove('account', true);
    expect(await get('account')).toBeDefined();
    await remove('account');
    await expect(get('account')).rejects.toBeInstanceOf(NotFoundError);
    await expect(remove('account')).rejects.toThrow('"shop" has no route "account": there is none');
    expect(await claims()).toEqual([]);
  });

  test('who did what is told as an event', async () => {
    const ada = api.connect({ token: 'user-token', user: 'ada' });
    const spec = RouteSpec.fromPartial({ pattern: '/a', target });
    await ada.routes.createRoute({ parent: 'formations/shop', route: { metadata: { name: 'a' }, spec } });
    await eventually(async () => {
      const { events } = await api.client.events.listEvents({ parent: 'formations/shop', about: 'a' });
      expect(events.map(({ message }) => message)).toEqual([
        'route a was created by ada: /a → web.shop.service',
      ]);
    });
  });
});

test('routes are listed in the order in which they are tried, over all formations and pages', async () => {
  await api.shop('other');
  await create({ pattern: '/', target }, { name: 'any' });
  await create({ pattern: 'myapp.com/a', target }, { name: 'exact' });
  await create({ pattern: '{x}.myapp.com', target }, { name: 'wild', formation: 'other' });
  await create({ pattern: 'myapp.com/', target }, { name: 'host' });
  const seen: string[] = [];
  for (let pageToken = ''; ;) {
    const page = await api.client.routes.listRoutes({ parent: 'formations/-', pageSize: 1, pageToken });
    seen.push(...page.routes.map(({ metadata }) => metadata?.name ?? ''));
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  expect(seen).toEqual(['exact', 'host', 'wild', 'any']);
  const own = await api.client.routes.listRoutes({ parent: 'formations/other' });
  expect(own.routes.map(({ metadata }) => metadata?.name)).toEqual(['wild']);
});

describe('asking which route would match', () => {
  beforeEach(async () => {
    await create({ pattern: 'myapp.com/user/{name}', target: 'web.user.service/{name}' }, { name: 'user' });
    await create({ pattern: 'myapp.com/old/', redirect: { location: 'https://new.com/' } }, { name: 'old' });
    await create({ pattern: 'myapp.com/post', target, methods: ['POST'] }, { name: 'post' });
    await create({ pattern: '{svc}.apps.com/', target: '{svc}.shop.service' }, { name: 'apps' });
  });
  const ask = (url: string, over: { method?: string; headers?: Record<string, string> } = {}) =>
    api.client.routes.testRoute({ url, ...over });

  test('the route, its variables and the upstream request', async () => {
    const answer = await ask('http://myapp.com:8080/user/ada?x=1#y');
    expect(answer).toMatchObject({
      route: { metadata: { name: 'user' } },
      variables: { name: 'ada' },
      service: 'web.user.service',
      path: '/ada?x=1',
      location: '',
      reason: '',
    });
  });

  test('a redirect, with no variables but the pattern’s', async () => {
    expect(await ask('myapp.com/old/a/b')).toMatchObject({
      variables: {},
      service: '',
      location: 'https://new.com/a/b',
    });
  });

  test.each<[string, string, string, string[]]>([
    [
      'another host',
      'http://myap.com/user/ada',
      'no route is for the host "myap.com"',
      ['myapp.com', '{svc}.apps.com'],
    ],
    [
      'another path',
      'http://myapp.com/usr/ada',
      'is for the path "/usr/ada"',
      ['/user/{name}', '/old/', '/post'],
    ],
    ['another method', 'http://myapp.com/post', 'shop/post does not take it: its methods are POST', []],
    ['a bad path', 'http://myapp.com/user/../x', 'the router refuses the request with 400', []],
  ])('%s: why none does, and what is near', async (_, url, reason, nearest) => {
    const answer = await ask(url);
    expect(answer.route).toBeUndefined();
    expect(answer.reason).toContain(reason);
    expect(answer.nearest).toEqual(nearest);
  });

  test('a route that leads nowhere', async () => {
    const answer = await ask('http://1.apps.com/');
    expect(answer.route?.metadata?.name).toBe('apps');
    expect(answer.reason).toBe('answered with 404: no service can be called "1.shop.service"');
  });

  test('what is no URL', async () => {
    await expect(ask('')).rejects.toBeInstanceOf(InvalidError);
    await expect(ask('http://user@myapp.com/')).rejects.toThrow('not of the form');
  });
});

describe('certificates', () => {
  let directory: string;
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'gilliam-tls-'))));
  afterAll(() => rmSync(directory, { recursive: true }));

  function openssl(name: string, host: string, days = 10): { certificate: string; privateKey: string } {
    const [key, certificate] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        key,
        '-out',
        certificate,
      ].concat(['-subj', '/CN=test', '-addext', `subjectAltName=DNS:${host}`], ['-days', String(days)]),
      { stdio: 'ignore' },
    );
    return { certificate: readFileSync(certificate, 'utf8'), privateKey: readFileSync(key, 'utf8') };
  }
  const stored = async (name: string) => (await api.store.get(routes, { formation: 'shop', name }))?.spec.tls;

  test('one that is given: its key is kept, and never told', async () => {
    const tls = openssl('good', 'myapp.com');
    const route = await create({ pattern: 'myapp.com/', target, tls }, { name: 'a' });
    const expected = new X509Certificate(tls.certificate).fingerprint256.replaceAll(':', '').toLowerCase();
    expect(route?.spec?.tls).toMatchObject({ privateKey: '', fingerprint: expected });
    expect((await stored('a'))?.privateKey).toContain('BEGIN PRIVATE KEY');
    const { routes: listed } = await api.client.routes.listRoutes({ parent: 'formations/shop' });
    const { route: tested } = await api.client.routes.testRoute({ url: 'http://myapp.com/' });
    for (const answer of [await get('a'), listed[0], tested]) {
      expect(answer?.spec?.tls?.fingerprint).toBe(expected);
      expect(JSON.stringify(answer?.spec)).not.toContain('PRIVATE KEY');
    }
  });

  test('whoever changes something else need not know the key', async () => {
    const tls = openssl('kept', 'myapp.com');
    await create({ pattern: 'myapp.com/', target, tls }, { name: 'a' });
    const before = await stored('a');
    const known = (await get('a'))?.spec as RouteSpec;
    await update('a', { ...known, retries: 1 });
    expect(await stored('a')).toEqual(before);
  });

  test('watchers are not told the key either', async () => {
    const end = new AbortController();
    const watched = api.client.watch.watch(
      { parent: 'formations/shop', kinds: ['Route'] },
      { signal: end.signal },
    );
    const iterator = watched[Symbol.asyncIterator]();
    await iterator.next();
    await create({ pattern: 'myapp.com/', target, tls: { development: true } }, { name: 'a' });
    const { value } = (await iterator.next()) as { value: { changes: { object?: { value: unknown } }[] } };
    expect(value.changes[0]?.object?.value).toMatchObject({
      spec: { tls: { development: true, privateKey: '' } },
    });
    end.abort();
    await iterator.next().catch(() => {});
  });

  test('one for development is made, and kept while it is good', async () => {
    const pattern = '{sub}.myapp.com/';
    const route = await create({ pattern, target, tls: { development: true } }, { name: 'a' });
    const certificate = new X509Certificate(route?.spec?.tls?.certificate ?? '');
    expect(certificate.checkHost('shop.myapp.com')).toBeDefined();
    expect(certificate.checkHost('a.shop.myapp.com')).toBeUndefined();
    await update('a', { pattern, target, retries: 1, tls: { development: true } });
    expect((await get('a'))?.spec?.tls?.fingerprint).toBe(route?.spec?.tls?.fingerprint);
  });

  test.each<[string, () => Spec['tls'], string, string?]>([
    ['no host', () => ({ development: true }), 'the pattern has none', '/'],
    [
      'a host that no certificate is for',
      () => ({ development: true }),
      'at most the whole first label',
      'a.{b}.com',
    ],
    ['another host', () => openssl('other', 'other.com'), 'is not for "myapp.com": it is for DNS:other.com'],
    [
      'a wildcard without one',
      () => openssl('single', 'a.myapp.com'),
      'is not for "*.myapp.com"',
      '{a}.myapp.com',
    ],
    [
      'a key of another',
      () => ({ ...openssl('one', 'myapp.com'), privateKey: openssl('two', 'myapp.com').privateKey }),
      'is not that of the certificate',
    ],
    ['no key', () => ({ ...openssl('nokey', 'myapp.com'), privateKey: '' }), 'the private key is missing'],
    [
      'a key that is none',
      () => ({ ...openssl('bad', 'myapp.com'), privateKey: 'x' }),
      'the private key cannot be read',
    ],
    ['no certificate', () => ({ privateKey: 'x' }), 'the certificate is missing'],
    ['what is no certificate', () => ({ certificate: 'x', privateKey: 'x' }), 'is not PEM'],
  ])('%s is refused', async (_, tls, message, pattern = 'myapp.com/') => {
    const error = (await create({ pattern, target, tls: tls() }).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toBeInstanceOf(InvalidError);
    expect(error.message).toContain(message);
  });

  test('one that has expired is refused', async () => {
    const tls = openssl('expired', 'myapp.com', 1);
    const now = api.clock.now();
    jest.spyOn(api.clock, 'now').mockImplementation(() => now + 3 * 86_400_000);
    await expect(create({ pattern: 'myapp.com/', target, tls })).rejects.toThrow(
      'the certificate has expired on',
    );
  });
});
