import type { Route } from '../resource/objects';
import { compileRoute } from '../routing/compile';
import { backendsOfRoutes } from './shared-backends';
import { route } from './testing';

const namesOf = (routes: readonly Route[]) => [...backendsOfRoutes(routes.map(compileRoute)).values()];

const plain = (name: string) => route(name, `myapp.com/${name}/{id}`, 'web.shop.service/{id}');

describe('the backends of routes', () => {
  it('are one for those of a service that ask for nothing but another path', () => {
    expect(namesOf([plain('a'), route('b', 'myapp.com/b/', 'web.shop.service')])).toEqual([
      ':web.shop.service',
      ':web.shop.service',
    ]);
  });

  it('are their own where there is nobody to share with', () => {
    const other = route('b', 'myapp.com/b/', 'api.shop.service');
    const release = route('c', 'myapp.com/c/', 'v2.web.shop.service');
    expect(namesOf([plain('a'), other, release])).toEqual(['shop:a', 'shop:b', 'shop:c']);
  });

  it.each<[string, Parameters<typeof route>[3]]>([
    ['weights', { weights: [{ release: 'v2', weight: 1 }] }],
    ['timeouts', { timeouts: { responseMs: 5_000 } }],
    ['retries', { retries: 0 }],
    ['sticky clients', { sticky: { cookie: 'cart' } }],
    ['a rate limit', { rateLimit: { requests: 10 } }],
    [
      'another header of the request',
      { requestHeaders: [{ action: 'ACTION_SET' as never, name: 'X-A', value: 'b' }] },
    ],
    [
      'another header of the answer',
      { responseHeaders: [{ action: 'ACTION_SET' as never, name: 'X-A', value: 'b' }] },
    ],
  ])('are their own for what asks for %s', (_, spec) => {
    const special = route('c', 'myapp.com/c/', 'web.shop.service', spec);
    expect(namesOf([plain('a'), plain('b'), special])).toEqual([
      ':web.shop.service',
      ':web.shop.service',
      'shop:c',
    ]);
  });

  it('are their own where the service depends on the request, and for redirects', () => {
    const tenant = (name: string) => route(name, `{acct}.${name}.myapp.com/`, 'api.user-{acct}.service');
    const old = route('old', 'old.myapp.com/', '', {
      redirect: { location: 'https://myapp.com/', code: 301 },
    });
    expect(namesOf([tenant('a'), tenant('b'), old])).toEqual(['shop:a', 'shop:b', 'shop:old']);
  });

  it('are shared by so many that no request is asked for long whose it is', () => {
    const names = namesOf(Array.from({ length: 18 }, (_, n) => plain(`r${n}`)));
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    expect([...counts]).toEqual([
      [':web.shop.service', 8],
      [':web.shop.service:2', 8],
      [':web.shop.service:3', 2],
    ]);
  });
});
