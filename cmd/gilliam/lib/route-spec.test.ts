import { HeaderChange_Action } from '../../../pkg/gen/gilliam/v1/route';
import { UsageError } from './errors';
import { completeSticky, type RouteFlags } from './route-flags';
import { routeSpec } from './route-spec';

const words = {
  pattern: 'myapp.com/user/{username}',
  target: 'web.user.service/{username}',
  formation: 'shop',
};
const readFile = (path: string) => `the text of ${path}`;
const spec = (flags: RouteFlags, over: Partial<typeof words> = {}) =>
  routeSpec({ ...words, ...over }, flags, readFile);

describe('what gilliam route asks for', () => {
  test('without flags: nothing but the pattern and the target', () => {
    expect(spec({})).toEqual({
      pattern: words.pattern,
      target: words.target,
      ...{ methods: [], headers: [], query: [], weights: [], requestHeaders: [], responseHeaders: [] },
    });
  });

  test.each<[RouteFlags, object]>([
    [{ method: ['get', 'POST'] }, { methods: ['GET', 'POST'] }],
    [
      { header: ['X-Kind: a b', 'X-Version~v[12]', 'Authorization', 'X-Empty:', 'X-Url: http://a~b'] },
      {
        headers: [
          { name: 'X-Kind', match: { $case: 'value', value: 'a b' } },
          { name: 'X-Version', match: { $case: 'regex', value: 'v[12]' } },
          { name: 'Authorization', match: { $case: 'present', value: true } },
          { name: 'X-Empty', match: { $case: 'value', value: '' } },
          { name: 'X-Url', match: { $case: 'value', value: 'http://a~b' } },
        ],
      },
    ],
    [
      { query: ['a=1=2', 'b~^x', 'c', 'd='] },
      {
        query: [
          { name: 'a', match: { $case: 'value', value: '1=2' } },
          { name: 'b', match: { $case: 'regex', value: '^x' } },
          { name: 'c', match: { $case: 'present', value: true } },
          { name: 'd', match: { $case: 'value', value: '' } },
        ],
      },
    ],
    [
      { weight: ['v2=90', 'v3=10'] },
      {
        weights: [
          { release: 'v2', weight: 90 },
          { release: 'v3', weight: 10 },
        ],
      },
    ],
    [
      { 'set-header': ['A: 1'], 'add-header': ['B: {username}'], 'remove-header': ['C'] },
      {
        requestHeaders: [
          { action: HeaderChange_Action.SET, name: 'A', value: '1' },
          { action: HeaderChange_Action.ADD, name: 'B', value: '{username}' },
          { action: HeaderChange_Action.REMOVE, name: 'C', value: '' },
        ],
      },
    ],
    [
      { 'response-set-header': ['A: b: c'] },
      { responseHeaders: [{ action: HeaderChange_Action.SET, name: 'A', value: 'b: c' }] },
    ],
    [{ timeout: '30s' }, { timeouts: { responseMs: 30_000, idleMs: 0 } }],
    [{ 'idle-timeout': '2m' }, { timeouts: { responseMs: 0, idleMs: 120_000 } }],
    [{ retries: 0 }, { retries: 0 }],
    [{ sticky: 'session' }, { sticky: { cookie: 'session' } }],
    [{ 'rate-limit': '100/s' }, { rateLimit: { requests: 100, periodMs: 1000 } }],
    [{ 'rate-limit': '5/10m' }, { rateLimit: { requests: 5, periodMs: 600_000 } }],
    [{ tls: 'dev' }, { tls: { development: true } }],
    [{ tls: 'a.pem,b.pem' }, { tls: { certificate: 'the text of a.pem', privateKey: 'the text of b.pem' } }],
  ])('%j', (flags, expected) => expect(spec(flags)).toMatchObject(expected));

  test('a redirect stands in the place of a target', () => {
    const redirect = routeSpec({ ...words, target: undefined }, { redirect: '/x', code: 301 }, readFile);
    expect(redirect).toMatchObject({ target: '', redirect: { location: '/x', code: 301 } });
  });

  test.each([
    ['web', 'web.shop.service'],
    ['web/a/{rest}', 'web.shop.service/a/{rest}'],
    ['v2.web', 'v2.web.shop.service'],
    ['_cache', '_cache.shop.service'],
    ['web.user.service', 'web.user.service'],
    ['api.user-{acct}.service/{rest}', 'api.user-{acct}.service/{rest}'],
    ['{service}', '{service}'],
    ['No Name', 'No Name'],
  ])('the target %s is %s', (target, full) => expect(spec({}, { target }).target).toBe(full));

  test.each<[string, RouteFlags, RegExp]>([
    ['a method that is none', { method: ['GET,POST'] }, /--method "GET,POST" is not a method/],
    ['a header without a name', { header: [': x'] }, /--header ": x" is not a match/],
    [
      'a header with a blank in its name',
      { header: ['X Y: z'] },
      /write 'Name: value', 'Name~regex' or 'Name'/,
    ],
    ['a query without a name', { query: ['=x'] }, /--query "=x" is not a match/],
    ['a weight without a number', { weight: ['v2'] }, /--weight "v2" is not a release's share/],
    ['a weight of no release', { weight: ['web=2'] }, /write --weight v2=90/],
    ['a negative weight', { weight: ['v2=-1'] }, /--weight "v2=-1"/],
    ['a weight given twice', { weight: ['v2=1', 'v2=2'] }, /given twice for v2/],
    ['a header to set without a value', { 'set-header': ['X'] }, /--set-header "X" is not a header/],
    ['a header to remove with a value', { 'remove-header': ['X: 1'] }, /--remove-header takes the name/],
    ['one of the response', { 'response-remove-header': [''] }, /--response-remove-header takes the name/],
    ['a timeout without a unit', { timeout: '30' }, /"30" is not a length of time/],
    ['a timeout of nothing', { timeout: '0s' }, /--timeout 0s is not a time limit/],
    ['a rate without a period', { 'rate-limit': '100' }, /--rate-limit "100" is not a rate/],
    ['a rate of nothing', { 'rate-limit': '0/s' }, /write 100\/s/],
    ['a rate in an unknown unit', { 'rate-limit': '1/fortnight' }, /not a rate/],
    ['a certificate without its key', { tls: 'a.pem' }, /give CERT.pem,KEY.pem, or dev/],
    ['a redirect besides a target', { redirect: '/x' }, /do not go together/],
  ])('%s is refused', (_, flags, message) => {
    expect(() => spec(flags)).toThrow(UsageError);
    expect(() => spec(flags)).toThrow(message);
  });

  test('no target at all is refused', () => {
    expect(() => routeSpec({ ...words, target: undefined }, {}, readFile)).toThrow(/TARGET is missing/);
  });
});

test.each([
  [
    ['a', 'b', '--sticky'],
    ['a', 'b', '--sticky=gilliam'],
  ],
  [['--sticky=x'], ['--sticky=x']],
  [
    ['--', '--sticky'],
    ['--', '--sticky'],
  ],
])('%j', (argv, completed) => expect(completeSticky(argv)).toEqual(completed));
