import { unresolvedName } from './unresolved-name';

test.each([
  [
    "W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'",
    'deb.debian.org',
  ],
  ["Err:1 http://deb.example bookworm InRelease\n  Could not resolve 'deb.example'", 'deb.example'],
  ['curl: (6) Could not resolve host: example.org', 'example.org'],
  ["fatal: unable to access 'https://example.org/x/': Could not resolve host: example.org", 'example.org'],
  ['wget: unable to resolve host address ‘example.org’', 'example.org'],
  [
    'npm error request to https://packages.example.com/left-pad failed, reason: getaddrinfo EAI_AGAIN packages.example.com',
    'packages.example.com',
  ],
  ['Error: getaddrinfo ENOTFOUND example.org', 'example.org'],
  [
    'Get "https://proxy.golang.org/x/@v/list": dial tcp: lookup proxy.golang.org on 10.0.0.1:53: server misbehaving',
    'proxy.golang.org',
  ],
  ['dial tcp: lookup proxy.golang.org: no such host', 'proxy.golang.org'],
  ["wget: bad address 'example.org'", 'example.org'],
  [
    'WARNING: fetching https://dl-cdn.example/alpine/v3.18/main: temporary error (try again later)',
    'dl-cdn.example',
  ],
  ['urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>', 'a name'],
])('%s', (text, expected) => {
  expect(unresolvedName(text)).toBe(expected);
});

test.each([
  'npm error code E404',
  "error: Could not resolve './missing' from src/index.js",
  'error: Could not resolve dependency: peer react@18',
  'temporary error (try again later)',
])('not %s', (text) => {
  expect(unresolvedName(text)).toBeUndefined();
});
