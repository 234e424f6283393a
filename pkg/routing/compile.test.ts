import fc from 'fast-check';
import { InvalidError } from '../base/errors';
import { HeaderChange_Action, RouteSpec } from '../gen/gilliam/v1/route';
import type { DeepPartial } from '../gen/gilliam/v1/route';
import type { Route } from '../resource/objects';
import { compileRoute } from './compile';

export type Spec = DeepPartial<RouteSpec>;
const target = 'web.shop.service';

function route(spec: Spec): Route {
  return {
    metadata: { name: 'r', formation: 'shop', uid: 'u', generation: 1n, revision: 1n, labels: {} },
    spec: RouteSpec.fromPartial(spec),
  };
}

function faultsOf(spec: Spec): string[] {
  try {
    compileRoute(route(spec));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return error.violations.map(({ field, description }) => `${field}: ${description}`);
  }
}

const { SET, ADD, REMOVE } = HeaderChange_Action;
const change = (name: string, value = '', action = SET) => ({ name, value, action });

test('a route is taken apart', () => {
  const compiled = compileRoute(
    route({ pattern: '{acct}.api.myapp.com/user/{rest:.*}', target: 'v2.api.user-{acct}.service/{rest}' }),
  );
  expect(compiled.host).toEqual({
    parts: [
      { kind: 'variable', name: 'acct', regex: '[\\-0-9_a-z]+' },
      { kind: 'text', text: '.api.myapp.com' },
    ],
    regex: '^([\\-0-9_a-z]+)[.]api[.]myapp[.]com$',
    variables: ['acct'],
    prefix: '',
    exact: false,
    reach: 'own',
  });
  expect(compiled.path).toMatchObject({ regex: '^/user/(.*)$', prefix: '/user/', reach: 'variable' });
  expect(compiled.target).toEqual({
    service: [{ kind: 'text', text: 'api' }],
    formation: [
      { kind: 'text', text: 'user-' },
      { kind: 'variable', name: 'acct' },
    ],
    release: 'v2',
    path: [
      { kind: 'text', text: '/' },
      { kind: 'variable', name: 'rest' },
    ],
  });
});

test.each<[string, Spec, string]>([
  ['no pattern', { pattern: '' }, 'pattern, column 1: the pattern is missing'],
  ['a scheme', { pattern: 'https://a.com/' }, 'column 1: a pattern has no scheme: leave https:// out'],
  ['a port', { pattern: 'a.com:80/' }, 'column 6: a route is for all ports'],
  ['a star', { pattern: '*.a.com/' }, 'column 1: for any host name write a variable'],
  ['an empty label', { pattern: 'a..com/' }, 'the host is not a name'],
  ['a long label', { pattern: `${'a'.repeat(64)}.com/` }, 'the host is not a name'],
  ['a blank in the host', { pattern: 'a b.com/' }, 'column 2: " " is no character of a host name'],
  ['a blank in the path', { pattern: '/a b' }, 'column 3: " " is no character of a path'],
  ['a query', { pattern: '/a?b=c' }, 'column 3: a pattern has no query'],
  ['a star for all below', { pattern: 'a.com/b/*' }, 'column 9: end the path with / for all that is below'],
  ['a star for a segment', { pattern: '/a/*/b' }, 'column 4: for any segment write a variable'],
  ['a quote', { pattern: '/a"b' }, 'column 3: "\\"" is no character of a path'],
  ['a newline', { pattern: '/a\nb' }, 'column 3: "\\n" is no character of a path'],
  ['a backslash', { pattern: '/a\\b' }, 'column 3'],
  ['a bad escape', { pattern: '/a%2' }, 'column 3: this % has no two hexadecimal digits'],
  ['dots', { pattern: '/a/../b' }, 'no such request is let in: the path has a segment . or ..'],
  ['half a character', { pattern: '/\ud800' }, 'not Unicode'],
  ['an open brace', { pattern: '/{a' }, 'column 2: nothing closes this {'],
  ['a closed brace', { pattern: '/a}' }, 'column 3: nothing opens this }'],
  ['an unnamed variable', { pattern: '/{}' }, 'column 2: a variable has the form'],
  ['a reserved name', { pattern: '/{_rest}' }, 'column 2: a variable has the form'],
  ['an empty expression', { pattern: '/{a:}' }, 'column 5: an expression is missing'],
  ['a variable twice', { pattern: '{a}.com/{a}' }, 'column 9: the variable "a" is there twice'],
  ['two next to each other', { pattern: '/{a}{b}' }, 'column 5: this could match the same text'],
  ['two that share a text', { pattern: '/{a}-{b}' }, 'column 6: this could match the same text'],
  ['two over slashes', { pattern: '/{a:.*}/x/{b:.+}' }, 'column 14: two variables of the path may match "/"'],
  ['one over slashes, and all below', { pattern: '/{a:.*}/' }, 'column 5: this variable may match "/"'],
  ['two over dots', { pattern: '{a:.*}.x.{b:.*}.com/' }, 'two variables of the host may match "."'],
  ['a long pattern', { pattern: `/${'a'.repeat(1_024)}` }, 'longer than 1024'],
  [
    'too many variables',
    { pattern: [...'abcdefghijklmnopq'].map((name) => `/{${name}}`).join('') },
    'more than 16',
  ],
])('a pattern with %s is refused', (_, spec, message) => {
  expect(faultsOf({ target, ...spec }).join('\n')).toContain(message);
});

test.each<[string, string]>([
  ['', 'the target is missing'],
  ['/path', 'does not begin with the name of a service'],
  ['web.service', 'does not begin with the name of a service'],
  ['web.shop', 'does not begin with the name of a service'],
  ['web.shop.service:80', 'does not begin with the name of a service'],
  ['http://web.shop.service', 'does not begin with the name of a service'],
  ['a.b.c.d.service', 'does not begin with the name of a service'],
  ['web.shop.{a}', 'does not begin with the name of a service'],
  ['{a}.web.shop.service', 'cannot be a variable'],
  ['V2.web.shop.service', 'neither an instance'],
  ['Web.shop.service', "the target's service"],
  ['web.9shop.service', "the target's formation"],
  ['web._shop.service', "the target's formation"],
  ['web.-{a}.service', "the target's formation"],
  ['web.{a}-.service', "the target's formation"],
  [`web.${'x'.repeat(64)}.service`, 'longer than 63'],
  ['web..service', 'the target names no formation'],
  ['web.shop.service/{b}', 'the pattern has no variable "b": did you mean "a"?'],
  ['web.shop.service/{a:.*}', 'a variable has the form {name} here'],
  ['web.shop.service/a?b', 'a target has no query'],
  ['web.shop.service/a b', 'no character of a path'],
  ['web.shop.service/a\r\nX: y', 'no character of a path'],
  ['web.shop.service/{{a}}', 'no character of a path'],
  ['web.shop.service/../a', "the target's path cannot be asked for"],
])('the target %s is refused', (text, message) => {
  expect(faultsOf({ pattern: '/{a}', target: text }).join('\n')).toContain(message);
});

test.each<[string, Spec, string]>([
  ['both', { target, redirect: { location: '/x' } }, 'leave the target out'],
  ['no location', { redirect: { location: '' } }, 'the location is missing'],
  ['a code', { redirect: { location: '/x', code: 200 } }, '200 is no code of a redirect'],
  ['a scheme', { redirect: { location: 'javascript:alert(1)' } }, 'is no path, nor a URL'],
  ['a host without scheme', { redirect: { location: '//evil.com' } }, 'is no path, nor a URL'],
  ['a variable only', { redirect: { location: '{a}' } }, 'is no path, nor a URL'],
  ['a host of the sender', { redirect: { location: 'https://{a}.com/' } }, 'could choose the host'],
  ['user and password', { redirect: { location: 'https://x:y@z.com/' } }, 'not the name of a host'],
  ['lines', { redirect: { location: '/x\r\nSet-Cookie: a' } }, 'no character of a location'],
  [
    'weights',
    { redirect: { location: '/x' }, weights: [{ release: 'v1', weight: 1 }] },
    'a redirect has no releases',
  ],
])('a redirect with %s is refused', (_, spec, message) => {
  expect(faultsOf({ pattern: '/{a}', ...spec }).join('\n')).toContain(message);
});

test.each<[string, Spec, string]>([
  ['a method in lower case', { methods: ['get'] }, 'did you mean "GET"?'],
  ['a method that is none', { methods: ['GET POST'] }, 'is not a method of HTTP'],
  ['CONNECT', { methods: ['CONNECT'] }, 'asks for a proxy'],
  ['a method twice', { methods: ['GET', 'GET'] }, 'named twice'],
  [
    'a header name',
    { headers: [{ name: 'a b', match: { $case: 'present', value: true } }] },
    'not the name of a header',
  ],
  [
    'the host as a header',
    { headers: [{ name: 'Host', match: { $case: 'value', value: 'a' } }] },
    'write the host there',
  ],
  ['a header without a match', { headers: [{ name: 'a' }] }, 'not matched with anything'],
  [
    'lines in a header',
    { headers: [{ name: 'a', match: { $case: 'value', value: 'a\nb' } }] },
    'what a header can have',
  ],
  [
    'an expression that runs away',
    { headers: [{ name: 'a', match: { $case: 'regex', value: '(a+)+b' } }] },
    'column 2',
  ],
  [
    'a brace',
    { headers: [{ name: 'a', match: { $case: 'regex', value: 'a}' } }] },
    'column 2: nothing opens this }',
  ],
  [
    'a parameter that is not sent so',
    { query: [{ name: 'a b', match: { $case: 'present', value: true } }] },
    'not as it is sent',
  ],
  [
    'a value that is not sent so',
    { query: [{ name: 'a', match: { $case: 'value', value: 'x&y' } }] },
    'not as it is sent',
  ],
  [
    'too many headers',
    {
      headers: Array.from({ length: 17 }, () => ({
        name: 'a',
        match: { $case: 'present' as const, value: true },
      })),
    },
    'at most 16',
  ],
  ['a weight of what is no release', { weights: [{ release: 'latest', weight: 1 }] }, 'not of the form v1'],
  [
    'a weight twice',
    {
      weights: [
        { release: 'v1', weight: 1 },
        { release: 'v1', weight: 2 },
      ],
    },
    'two weights',
  ],
  ['a weight too large', { weights: [{ release: 'v1', weight: 1_001 }] }, 'weight of "v1"'],
  ['no weight', { weights: [{ release: 'v1', weight: 0 }] }, 'all weights are 0'],
  [
    'weights of one release',
    { target: 'v2.web.shop.service', weights: [{ release: 'v1', weight: 1 }] },
    'names an instance or a release already',
  ],
  ['retries', { retries: 11 }, 'retries is 11'],
  ['a timeout', { timeouts: { responseMs: 1 } }, 'timeout response_ms'],
  ['a rate of nothing', { rateLimit: { requests: 0 } }, 'rate limit is 0'],
  ['a period', { rateLimit: { requests: 1, periodMs: 1 } }, 'period of the rate limit'],
  ['a cookie', { sticky: { cookie: 'a; b' } }, 'not a name of a cookie'],
  ['an action', { requestHeaders: [{ name: 'a' }] }, 'has no action'],
  ['Connection', { requestHeaders: [change('Connection', 'close')] }, "the router's own"],
  ['Content-Length', { responseHeaders: [change('content-length', '1')] }, "the router's own"],
  ['Host added', { requestHeaders: [change('Host', 'a', ADD)] }, 'but not added'],
  ['Host removed', { requestHeaders: [change('Host', '', REMOVE)] }, 'but not added'],
  ['Host of a response', { responseHeaders: [change('Host', 'a')] }, 'none of a response'],
  ['Host that is none', { requestHeaders: [change('Host', 'a b')] }, 'not a name of a host'],
  ['lines in a value', { responseHeaders: [change('X', 'a\r\nb')] }, 'no header may have'],
  ['NUL in a value', { responseHeaders: [change('X', 'a\0')] }, 'no header may have'],
  [
    'an unknown variable',
    { responseHeaders: [change('X', '{y}')] },
    'column 1: the pattern has no variable "y"',
  ],
  ['a removed value', { responseHeaders: [change('X', 'a', REMOVE)] }, 'leave its value out'],
  ['a name with a colon', { responseHeaders: [change('X: y', 'a')] }, 'not the name of a header'],
  ['TLS without a host', { tls: { development: true } }, 'the pattern has none'],
])('%s is refused', (_, spec, message) => {
  expect(faultsOf({ pattern: '/', target, ...spec }).join('\n')).toContain(message);
});

test('all of it at once', () => {
  expect(
    faultsOf({
      pattern: 'MyApp.com/{a}/',
      target: 'web.{a}.service/x/',
      methods: ['GET', 'M-SEARCH'],
      headers: [{ name: 'X-A', match: { $case: 'regex', value: '.*b.*' } }],
      query: [{ name: 'c', match: { $case: 'regex', value: '.*' } }],
      weights: [
        { release: 'v1', weight: 90 },
        { release: 'v2', weight: 10 },
      ],
      requestHeaders: [change('Host', '{a}.internal'), change('X-A', '{{literal}} {a} 100%', ADD)],
      responseHeaders: [change('Server', '', REMOVE)],
      timeouts: { responseMs: 100, idleMs: 86_400_000 },
      retries: 0,
      sticky: { cookie: '' },
      rateLimit: { requests: 10, periodMs: 60_000 },
    }),
  ).toEqual([]);
});

test('whatever is written, a route compiles to one line or is refused', () => {
  const nasty = fc.string({
    unit: fc.constantFrom(...'a{}:.*/[]()\\"\'%#$ \n\r\0|+?-,;<>&=é1'),
    maxLength: 24,
  });
  fc.assert(
    fc.property(nasty, nasty, (first, second) => {
      for (const spec of [
        { pattern: `h.com/${first}`, target: `web.shop.service/${second}` },
        { pattern: `/{a:${first}}`, target: `web.{a}.service/${second}` },
        { pattern: `${first}.com/`, redirect: { location: `/${second}` } },
        {
          pattern: '/{a}',
          target,
          requestHeaders: [change('x', first)],
          responseHeaders: [change(second, first)],
        },
        { pattern: '/', target, query: [{ name: first, match: { $case: 'regex', value: second } }] },
        { pattern: '/', target, headers: [{ name: 'x', match: { $case: 'value', value: second } }] },
      ] as Spec[]) {
        if (faultsOf(spec).length > 0) continue;
        const { route: _route, ...compiled } = compileRoute(route(spec));
        // Nothing that ends a line, in any text that goes into a configuration.
        JSON.stringify(compiled, (_name, value: unknown) => {
          if (typeof value === 'string') expect(value).toMatch(/^[ -~]*$/);
          return value;
        });
        if (compiled.host) expect(() => new RegExp(compiled.host?.regex ?? '')).not.toThrow();
        expect(() => new RegExp(compiled.path.regex)).not.toThrow();
      }
    }),
    { numRuns: 500 },
  );
});
