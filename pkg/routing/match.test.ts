import fc from 'fast-check';
import { RouteSpec } from '../gen/gilliam/v1/route';
import type { Route } from '../resource/objects';
import { matchRequest } from './match';
import { compareRoutes, orderRoutes } from './order';
import { refusePath } from './request';
import type { CompiledRoute, RouteRequest } from './types';

// Few letters, so that routes share hosts and beginnings of paths, and requests hit them.
const hosts = ['', 'a.com', 'b.com', '{h}.com', '{h}.b.com', 'x.{h}.com', '{h:[ab]+}.com', '{h:.+}.com'];
const segments = ['a', 'b', 'ab', '{n}', '{n:[a-z]+}', '{n:a|b}', 'x{n}', '{n:.*}', '{n:[^/]+/b}', ''];
const patterns = fc
  .tuple(fc.constantFrom(...hosts), fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }))
  .map(([host, path]) => {
    let count = 0;
    // Each variable has a name of its own.
    const named = path.map((segment) => segment.replace('{n', () => `{n${count++}`));
    return `${host}/${named.join('/')}`;
  });
const specs = fc.record({
  pattern: patterns,
  methods: fc.constantFrom([], [], ['GET'], ['POST', 'PUT']),
  header: fc.constantFrom(undefined, undefined, 'value', 'present', 'regex'),
  parameter: fc.boolean(),
  createdMs: fc.nat(3),
});
const requests = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  host: fc.constantFrom('a.com', 'b.com', 'A.com:80', 'x.b.com', 'x.ab.com', 'c', 'a.b.a.com', 'y.com.'),
  path: fc
    .array(fc.constantFrom('a', 'b', 'ab', 'xa', 'x', '', '%2F'), { maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`),
  query: fc.constantFrom(undefined, 'q=1', 'z', 'q'),
  headers: fc.constantFrom({}, { x: '1' }, { x: '22' }),
});

type Drawn = typeof specs extends fc.Arbitrary<infer T> ? T : never;

function routeOf({ pattern, methods, header, parameter, createdMs }: Drawn, index: number): Route {
  const match = {
    value: { $case: 'value', value: '1' },
    present: { $case: 'present', value: true },
    regex: { $case: 'regex', value: '[0-9]+' },
  } as const;
  return {
    metadata: {
      name: `r${index}`,
      formation: 'shop',
      uid: `u${index}`,
      generation: 1n,
      revision: 1n,
      labels: {},
      created: new Date(createdMs),
    },
    spec: RouteSpec.fromPartial({
      pattern,
      target: 'web.shop.service',
      methods: [...methods],
      headers: header ? [{ name: 'X', match: match[header] }] : [],
      query: parameter ? [{ name: 'q', match: { $case: 'value', value: '1' } }] : [],
    }),
  };
}

function compiled(drawn: readonly Drawn[]): CompiledRoute[] {
  return drawn.flatMap((spec, index) => {
    try {
      return orderRoutes([routeOf(spec, index)]);
    } catch {
      // Two variables that may match a slash.
      return [];
    }
  });
}

/** What a pattern says, read afresh and as plainly as can be: no prefixes, no caches, no order. */
function naivelyMatches({ route }: CompiledRoute, request: RouteRequest): boolean {
  const { pattern, methods, headers, query } = route.spec;
  const at = pattern.indexOf('/');
  const [host, path] = [pattern.slice(0, at), pattern.slice(at)];
  const regexOf = (text: string, plain: string) =>
    new RegExp(
      `^${text.replace(/\./g, '[.]').replace(/\{\w+(?::(.*?))?\}/g, (_, own: string) => `(?:${own?.replace(/\[\.\]/g, '.') ?? plain})`)}$`,
    );
  const asked = request.host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  return (
    (host === '' || regexOf(host, '[a-z0-9_-]+').test(asked)) &&
    (path.endsWith('/')
      ? new RegExp(regexOf(path, '[^/]+').source.replace('$', '')).test(request.path)
      : regexOf(path, '[^/]+').test(request.path)) &&
    (methods.length === 0 || methods.includes(request.method)) &&
    headers.every(({ match }) => {
      const { x } = request.headers;
      if (match?.$case === 'value') return x === '1';
      return x !== undefined;
    }) &&
    (query.length === 0 || request.query === 'q=1')
  );
}

test('the route that takes a request is the first, in the order, of those whose pattern says so', () => {
  let hits = 0;
  fc.assert(
    fc.property(
      fc.array(specs, { minLength: 6, maxLength: 12 }),
      fc.array(requests, { minLength: 5, maxLength: 5 }),
      (drawn, asked) => {
        const ordered = compiled(drawn).sort(compareRoutes);
        for (const request of asked) {
          const match = matchRequest(ordered, request as RouteRequest);
          const expected = ordered.find((route) => naivelyMatches(route, request as RouteRequest));
          expect(match?.compiled.route.spec.pattern).toBe(expected?.route.spec.pattern);
          expect(match?.compiled).toBe(expected);
          if (match) hits++;
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(hits).toBeGreaterThan(50);
});

test('the order is total: whatever order the routes come in, they are tried in the same', () => {
  fc.assert(
    fc.property(
      fc.array(specs, { minLength: 2, maxLength: 10 }),
      fc.infiniteStream(fc.nat()),
      (drawn, chance) => {
        const routes = compiled(drawn);
        const shuffled = routes
          .map((route) => ({ route, at: chance.next().value as number }))
          .sort((left, right) => left.at - right.at)
          .map(({ route }) => route);
        const ids = (list: readonly CompiledRoute[]) => list.toSorted(compareRoutes).map(({ id }) => id);
        expect(ids(shuffled)).toEqual(ids(routes));
        for (const left of routes) {
          for (const right of routes) {
            expect(Math.sign(compareRoutes(left, right))).toBe(-Math.sign(compareRoutes(right, left)) + 0);
            if (left !== right) expect(compareRoutes(left, right)).not.toBe(0);
          }
        }
      },
    ),
  );
});

test('routes with one canonical form match the same requests, and order puts them side by side', () => {
  fc.assert(
    fc.property(
      fc.array(specs, { maxLength: 12 }),
      fc.array(requests, { minLength: 20, maxLength: 20 }),
      (drawn, asked) => {
        const routes = compiled(drawn);
        for (const left of routes) {
          for (const right of routes) {
            if (left.canonical !== right.canonical) continue;
            for (const request of asked as RouteRequest[]) {
              expect(matchRequest([left], request) !== undefined).toBe(
                matchRequest([right], request) !== undefined,
              );
            }
          }
        }
      },
    ),
  );
});

test('what is made of a request never breaks a line, and leads where the route says', () => {
  const routes = [
    { pattern: '{h}.com/{a}/{rest:.*}', target: 'web.{h}.service/x{a}/{rest}' },
    { pattern: '/l{a}/{rest:.*}', redirect: { location: '/{a}{rest}' } },
    { pattern: '{h:.*}.org/{rest:.*}', redirect: { location: 'https://{h}.net/{rest}' } },
  ].map((spec, index) => {
    const base = routeOf(
      { pattern: '/', methods: [], header: undefined, parameter: false, createdMs: 0 },
      index,
    );
    return { ...base, spec: RouteSpec.fromPartial(spec) };
  });
  const ordered = orderRoutes(routes);
  const bytes = fc.string({ unit: fc.constantFrom(...'al/.%2fe5c0dDA\r\n\0\\ ;?#é@:'), maxLength: 16 });
  fc.assert(
    fc.property(bytes, bytes, (first, second) => {
      for (const request of [
        { method: 'GET', host: `${first}.com`, path: `/${second}`, headers: {} },
        { method: 'GET', host: 'x', path: `/l${first}/${second}`, headers: {} },
        { method: 'GET', host: `${first}.org`, path: `/${second}`, headers: {} },
      ]) {
        const match = matchRequest(ordered, request);
        const made = match?.upstream?.path ?? match?.location;
        if (made === undefined) continue;
        expect(made).toMatch(/^[!-~]+$/);
        if (match?.upstream) expect(refusePath(made)).toBeUndefined();
        if (match?.location?.startsWith('/')) expect(made).not.toMatch(/^\/[/\\]/);
        if (match?.location?.startsWith('https:')) expect(new URL(made).host).toMatch(/\.net$/);
      }
    }),
    { numRuns: 2_000 },
  );
});
