import { normaliseHost, refusePath, refuseRequest } from './request';

test.each([
  ['MyApp.com', 'myapp.com'],
  ['myapp.com:8080', 'myapp.com'],
  ['myapp.com.', 'myapp.com'],
  ['myapp.com.:80', 'myapp.com'],
  ['[2001:DB8::1]:80', '[2001:db8::1]'],
  ['', ''],
])('the host %s is %s', (host, expected) => {
  expect(normaliseHost(host)).toBe(expected);
});

test.each([
  '/',
  '/a',
  '//',
  '/a/.b',
  '/...',
  '/a..b',
  '/%41',
  "/a;b=c,d:e@f!$&'()*+=~",
  '/[x]',
  '/%2e%2e%2e',
  '/a%2Fb',
])('the path %s is let in', (path) => {
  expect(refusePath(path)).toBeUndefined();
});

test.each<[string, string]>([
  ['', 'does not begin with /'],
  ['*', 'does not begin with /'],
  ['a', 'does not begin with /'],
  ['/a b', 'has to be percent-encoded'],
  ['/é', 'has to be percent-encoded'],
  ['/a#b', 'has to be percent-encoded'],
  ['/a\nb', 'has to be percent-encoded'],
  ['/a\0', 'has to be percent-encoded'],
  ['/%', 'without two hexadecimal digits'],
  ['/%4', 'without two hexadecimal digits'],
  ['/%4g', 'without two hexadecimal digits'],
  ['/%g4', 'without two hexadecimal digits'],
  ['/%%41', 'without two hexadecimal digits'],
  ['/%00', 'encoded control character'],
  ['/%0d%0A', 'encoded control character'],
  ['/%7f', 'encoded control character'],
  ['/..', 'segment . or ..'],
  ['/.', 'segment . or ..'],
  ['/../a', 'segment . or ..'],
  ['/a/..', 'segment . or ..'],
  ['/a/./b', 'segment . or ..'],
  ['/%2e%2E/a', 'segment . or ..'],
  ['/.%2e', 'segment . or ..'],
  ['/a%2f..%2Fb', 'segment . or ..'],
  ['/a%5c..%5Cb', 'segment . or ..'],
  ['/a\\..\\b', 'segment . or ..'],
  ['/..;/a', 'segment . or ..'],
  ['/..;x=1/a', 'segment . or ..'],
])('the path %j is refused', (path, reason) => {
  expect(refusePath(path)).toContain(reason);
});

test.each(['a.com', 'a_b-c.com', '127.0.0.1', '[::1]:80', '[2001:db8::ffff:1.2.3.4]', ''])(
  'the host %s is let in',
  (host) => {
    expect(refuseRequest({ host, path: '/' })).toBeUndefined();
  },
);

test.each([
  'a b',
  'a/b',
  'a@b',
  'a?b',
  'é.com',
  'a:b',
  'a\n',
  '[',
  '[::1',
  '[::1]x',
  '[x]',
  'a[b]',
  '%41.com',
  '/',
  '?',
])('the host %j is refused', (host) => {
  expect(refuseRequest({ host, path: '/' })).toContain('the host');
});
