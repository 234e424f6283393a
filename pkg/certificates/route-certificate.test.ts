import { X509Certificate } from 'node:crypto';
import { covers, developmentTls, fingerprintOf, renewalOf } from './route-certificate';

const now = new Date('2026-03-01T12:00:00Z');
const dayMs = 86_400_000;

test.each(['shop.localhost', '*.api.myapp.com', '10.0.0.1'])(
  'a certificate for development is for %s, and for nothing else',
  async (name) => {
    const tls = await developmentTls(name, now);
    const leaf = new X509Certificate(tls.certificate);
    expect(covers(leaf, name)).toBe(true);
    expect(covers(leaf, 'other.example.com')).toBe(false);
    expect(tls).toMatchObject({ development: true, fingerprint: fingerprintOf(leaf) });
  },
);

test('it is renewed at two thirds of its life', async () => {
  const leaf = new X509Certificate((await developmentTls('shop.localhost', now)).certificate);
  const [begin, end, renewal] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo), +renewalOf(leaf)];
  expect((renewal - begin) / (end - begin)).toBeCloseTo(2 / 3, 6);
  expect((end - renewal) / dayMs).toBeGreaterThan(100);
});
