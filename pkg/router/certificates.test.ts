import type { Route } from '../resource/objects';
import { compileRoute } from '../routing/compile';
import { compareRoutes } from '../routing/order';
import { certificatesOf } from './certificates';
import { route } from './testing';

const tls = (certificate: string, development = false) => ({
  tls: { certificate, privateKey: 'KEY', development, fingerprint: '' },
});
const listOf = (...routes: Route[]) => certificatesOf(routes.map(compileRoute).sort(compareRoutes)).list;

test('a host is known by its most specific route’s certificate', () => {
  const routes = [
    route('all', 'a.com', 'web.shop.service', tls('one')),
    route('part', 'a.com/part', 'web.shop.service', tls('two')),
    route('none', 'a.com/part/of', 'web.shop.service'),
  ];
  expect(listOf(...routes)).toBe('certificates/shop:part.pem a.com\n');
});

test('one for development does not take the place of one that was given', () => {
  const routes = [
    route('all', 'a.com', 'web.shop.service', tls('given')),
    route('part', 'a.com/part', 'web.shop.service', tls('made', true)),
    route('other', 'b.com', 'web.shop.service', tls('made', true)),
  ];
  expect(listOf(...routes)).toBe('certificates/shop:all.pem a.com\ncertificates/shop:other.pem b.com\n');
});

test('hosts with a variable for their first label have a wildcard', () => {
  expect(listOf(route('tenants', '{acct}.a.com/', 'web.shop.service', tls('one')))).toBe(
    'certificates/shop:tenants.pem *.a.com\n',
  );
});
