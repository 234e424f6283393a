import { X509Certificate } from 'node:crypto';
import type { RouteTls } from '../gen/gilliam/v1/route';
import { prepareTls } from './route-tls';

const dayMs = 86_400_000;
const asked: RouteTls = { certificate: '', privateKey: '', development: true, fingerprint: '' };
const startMs = Date.UTC(2026, 0, 1);
const host = { exact: true, prefix: 'myapp.com', parts: [] } as unknown as Parameters<
  typeof prepareTls
>[1]['host'];
const at = (days: number, before?: RouteTls) =>
  prepareTls(asked, { host, now: new Date(startMs + days * dayMs), before });

test('a certificate for development is made anew at two thirds of its life, when its route is asked for again', async () => {
  const first = await at(0);
  for (const days of [1, 100, 264]) expect(await at(days, first)).toBe(first);
  for (const days of [265, 396, 400]) {
    const renewed = await at(days, first);
    expect(renewed.fingerprint).not.toBe(first.fingerprint);
    const endsMs = Date.parse(new X509Certificate(renewed.certificate).validTo);
    expect(endsMs).toBeGreaterThan(startMs + (days + 390) * dayMs);
  }
});
