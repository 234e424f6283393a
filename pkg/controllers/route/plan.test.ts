import { developmentTls } from '../../certificates/route-certificate';
import { RouteSpec, type RouteTls } from '../../gen/gilliam/v1/route';
import { routes, type Route } from '../../resource/objects';
import { planRoute } from './plan';

const now = new Date('2026-03-01T12:00:00Z');
const dayMs = 86_400_000;
const inDays = (days: number) => new Date(now.getTime() + days * dayMs);

function route(tls: RouteTls | undefined, pattern = 'shop.localhost/'): Route {
  const object = routes.decode(new Uint8Array());
  return { ...object, spec: RouteSpec.fromPartial({ pattern, target: 'web.shop.service', tls }) };
}

let tls: RouteTls;
beforeAll(async () => (tls = await developmentTls('shop.localhost', now)));

test.each([
  ['begins', 0, undefined],
  ['is not yet in its last third', 264, undefined],
  ['is in its last third', 265, 'shop.localhost'],
  ['has ended', 400, 'shop.localhost'],
])('a certificate for development that %s', (_, days, renewFor) => {
  expect(planRoute(route(tls), inDays(days)).renewFor).toBe(renewFor);
});

test('it is looked at again when it is due, and every day at the latest: a clock may be set', () => {
  expect(planRoute(route(tls), inDays(0)).requeueAfterMs).toBe(dayMs);
  const { requeueAfterMs = 0 } = planRoute(route(tls), inDays(264.5));
  expect(planRoute(route(tls), new Date(inDays(264.5).getTime() + requeueAfterMs)).renewFor).toBeDefined();
  expect(requeueAfterMs).toBeLessThan(dayMs);
});

test.each([
  ['without one', undefined],
  ['with one that was given', 'given'],
])('a route %s is left alone', (_, which) => {
  const given = which === undefined ? undefined : { ...tls, development: false };
  expect(planRoute(route(given), inDays(400))).toEqual({});
});

test('what cannot be read is made anew', () => {
  expect(planRoute(route({ ...tls, certificate: 'garbled' }), now).renewFor).toBe('shop.localhost');
});

test('a route that this version does not understand is left alone', () => {
  expect(planRoute(route(tls, 'shop.localhost{/'), inDays(400))).toEqual({});
});
