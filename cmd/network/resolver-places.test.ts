import { isResolverPlace } from './resolver-places';

test.each([
  ['198.18.16.1', 53, true],
  ['198.18.16.9', 6379, false],
  ['127.0.0.1', 4453, true],
  ['192.0.2.7', 4453, false],
  ['192.0.2.7', 53, false],
  ['127.0.0.1', 80, false],
])('the resolver at %s port %d: %s', (address, port, expected) => {
  const resolver = { port: 4453, isVirtual: (one: string) => one.startsWith('198.18.') };
  expect(isResolverPlace({ address, port }, resolver)).toBe(expected);
});
