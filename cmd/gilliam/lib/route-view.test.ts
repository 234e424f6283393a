import { HeaderChange_Action, Route, RouteSpec } from '../../../pkg/gen/gilliam/v1/route';
import { formationOfTarget, splitPattern } from './route-text';
import { routeCells, routeUrl } from './route-view';

const ports = { http: 8080, https: 8443 };
const url = (pattern: string, over: Partial<RouteSpec> = {}, at = ports) =>
  routeUrl(RouteSpec.fromPartial({ pattern, ...over }), at);

test.each([
  ['hello.localhost', 'http://hello.localhost:8080/'],
  ['myapp.com/', 'http://myapp.com:8080/'],
  ['myapp.com/user/{rest:.*}', 'http://myapp.com:8080/user/'],
  ['myapp.com/user/{username}', undefined],
  ['myapp.com/{any:.*}/{last}', undefined],
  ['/user', 'http://localhost:8080/user'],
  ['{acct}.api.myapp.com/x', undefined],
])('%s is answered at %s', (pattern, expected) => expect(url(pattern)).toBe(expected));

test('with a certificate the URL is that of HTTPS; usual ports are left out', () => {
  const tls = { development: true, certificate: '', privateKey: '', fingerprint: '' };
  expect(url('myapp.com', { tls })).toBe('https://myapp.com:8443/');
  expect(url('myapp.com', { tls }, { http: 80, https: 443 })).toBe('https://myapp.com/');
  expect(url('myapp.com', {}, { http: 80, https: 443 })).toBe('http://myapp.com/');
});

test.each([
  ['myapp.com', 'myapp.com', ''],
  ['myapp.com/a/b', 'myapp.com', '/a/b'],
  ['/a', '', '/a'],
  ['{x:[^/]+}.com/{y:a/b}', '{x:[^/]+}.com', '/{y:a/b}'],
  ['{x:[0-9]{1,3}}.com/y', '{x:[0-9]{1,3}}.com', '/y'],
])('%s is a host and a path', (pattern, host, path) => expect(splitPattern(pattern)).toEqual({ host, path }));

test.each([
  ['web.user.service/{username}', 'user'],
  ['1.web.user.service', 'user'],
  ['api.user-{acct}.service/{rest}', undefined],
  ['web', undefined],
  ['user.service', undefined],
  ['myapp.example.com', undefined],
])('the formation of the target %s is %s', (target, formation) =>
  expect(formationOfTarget(target)).toBe(formation),
);

test('a row says all that a route does', () => {
  const value = (name: string, text: string) => ({ name, match: { $case: 'value' as const, value: text } });
  const route = Route.fromPartial({
    metadata: { name: 'user' },
    spec: {
      pattern: 'myapp.com/user/{username}',
      target: 'web.user.service/{username}',
      methods: ['GET', 'HEAD'],
      headers: [value('X-Kind', 'a'), { name: 'X-V', match: { $case: 'regex', value: 'v.' } }],
      query: [{ name: 'debug', match: { $case: 'present', value: true } }],
      weights: [
        { release: 'v2', weight: 90 },
        { release: 'v3', weight: 10 },
      ],
      requestHeaders: [{ action: HeaderChange_Action.SET, name: 'A', value: '1' }],
      responseHeaders: [{ action: HeaderChange_Action.REMOVE, name: 'B' }],
      timeouts: { responseMs: 30_000 },
      retries: 0,
      sticky: {},
      rateLimit: { requests: 100 },
      tls: { development: true },
    },
  });
  expect(routeCells(route)).toEqual([
    'user',
    'myapp.com/user/{username}',
    'web.user.service/{username}',
    '-',
    'GET|HEAD, X-Kind: a, X-V~v., ?debug',
    'v2=90 v3=10, request =A, response -B, timeout 30s, retries 0, sticky gilliam, at most 100 in 1s, tls dev',
  ]);
  const redirect = Route.fromPartial({
    metadata: { name: 'old' },
    spec: { pattern: 'old.com', redirect: { location: 'https://new.com/' } },
  });
  expect(routeCells(redirect)).toEqual(['old', 'old.com', '302 https://new.com/', '-', '-', '-']);
});
