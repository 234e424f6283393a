import { announceToken, formationOfToken } from './announce-token';
import { endpointsOf, servicePortsOf } from './endpoints';
import { formatKey, parsePath } from './entry-key';
import { formatServiceName, parseServiceName } from './service-name';
import type { Announcement, Entry } from './types';

describe('names', () => {
  const web = { service: 'web', formation: 'shop' };
  test.each([
    ['web.shop.service', web],
    ['WEB.Shop.Service.', web],
    ['1.web.shop.service', { ...web, instance: '1' }],
    ['v2.web.shop.service', { ...web, release: 'v2' }],
    ['db-1.web.shop.service', { ...web, instance: 'db-1' }],
    ['_cache.shop.service', { ...web, service: '_cache' }],
    ['v0.web.shop.service', { ...web, instance: 'v0' }],
  ])('%s', (text, expected) => {
    expect(parseServiceName(text)).toEqual(expected);
    expect(parseServiceName(formatServiceName(expected))).toEqual(expected);
  });

  test.each([
    ['web', web],
    ['1.web', { ...web, instance: '1' }],
    ['v2.web', { ...web, release: 'v2' }],
    ['web.other.service', { ...web, formation: 'other' }],
  ])('%s inside shop', (text, expected) => {
    expect(parseServiceName(text, { formation: 'shop' })).toEqual(expected);
  });

  test.each([
    ...['', '.', 'service', 'shop.service', 'web.shop.example.com', 'a.1.web.shop.service', 'web..service'],
    ...['we b.shop.service', '-web.shop.service', 'web.shop.service..', `${'a'.repeat(64)}.shop.service`],
    ...['../web.shop.service', 'web.Shöp.service', `${'a.'.repeat(200)}service`, 'web'],
  ])('%j is none', (text) => {
    expect(parseServiceName(text)).toBeUndefined();
  });

  test('a host of the internet is no short name', () => {
    expect(parseServiceName('www.example.com', { formation: 'shop' })).toBeUndefined();
  });
});

describe('paths', () => {
  test.each([
    ['shop', { formation: 'shop' }],
    ['shop/web', { formation: 'shop', service: 'web' }],
    ['shop/_db.primary', { formation: 'shop', service: '_db', instance: 'primary' }],
  ])('%s', (path, expected) => {
    expect(parsePath(path)).toEqual(expected);
  });

  test.each([
    ...['', '/', 'shop/', '/shop', 'shop//web.1', 'shop/web.1/', 'shop/web.', 'shop/.1', 'shop/web.1.2'],
    ...['../shop', 'shop/../x', 'shop/..', 'shop/%77eb.1', 'shop/web.1%00', 'Shop/web.1', 'shop\\web.1'],
    ...['__proto__', 'shop/__proto__.1', 'shop/web.__proto__', 'shop/web.1?x', '-/status', 'shop/web.1\n'],
  ])('%j is none', (path) => {
    expect(parsePath(path)).toBeUndefined();
  });
});

describe('endpoints', () => {
  const entry = (body: Announcement, source: Entry['source'] = 'agent'): Entry => ({
    ...{ formation: 'shop', service: 'web', instance: '1', origin: 'e1', version: '1', heardMs: 0 },
    ...{ body, source, stale: false },
  });
  const instance = {
    ...{ host: '10.0.0.1', port: 10_001, ports: { '9090': 10_000, '8080': 10_001 } },
    ...{ executor: 'e1', address: '172.17.0.5' },
  };
  test.each([
    ['local, first port', instance, { executor: 'e1' }, ['172.17.0.5', 8080]],
    ['local, named port', instance, { executor: 'e1', port: 9090 }, ['172.17.0.5', 9090]],
    ['remote, first port', instance, { executor: 'e2' }, ['10.0.0.1', 10_001]],
    ['remote, named port', instance, { executor: 'e2', port: 9090 }, ['10.0.0.1', 10_000]],
    ['80 means the first', instance, { executor: 'e2', port: 80 }, ['10.0.0.1', 10_001]],
    ['443 means the first', instance, { executor: 'e1', port: 443 }, ['172.17.0.5', 8080]],
    [
      '80 means 80 where it is there',
      { host: 'h', port: 5, ports: { '7': 5, '80': 6 } },
      { executor: 'e2', port: 80 },
      ['h', 6],
    ],
    ['port to itself', { host: 'db.example', port: 5432 }, { executor: 'e2' }, ['db.example', 5432]],
    [
      'port to itself, named',
      { host: 'db.example', port: 5 },
      { executor: 'e2', port: 5 },
      ['db.example', 5],
    ],
  ] as const)('%s', (_what, body, options, expected) => {
    const [endpoint] = endpointsOf([entry(body)], options);
    expect([endpoint?.address, endpoint?.port]).toEqual(expected);
  });

  test.each([
    ['a port that it has not', instance, 8081],
    ['no host', { port: 1 }, undefined],
    ['no port', { host: 'h' }, undefined],
  ])('%s: none', (_what, body, port) => {
    expect(endpointsOf([entry(body)], { executor: 'e2', port })).toEqual([]);
  });

  test('only an agent knows addresses of containers', () => {
    expect(endpointsOf([entry(instance, 'external')], { executor: 'e1' })).toMatchObject([
      { address: '10.0.0.1', port: 10_001 },
    ]);
  });

  test('the first port comes first, whatever its number', () => {
    expect(servicePortsOf(entry({ port: 10_000, ports: { '80': 10_001, '8080': 10_000 } }))).toEqual([
      8080, 80,
    ]);
  });
});

describe('tokens of announcers', () => {
  const executorToken = 'x'.repeat(43);
  test('are of one formation, and of one stage', () => {
    const token = announceToken(executorToken, 'shop');
    expect(formationOfToken(executorToken, token)).toBe('shop');
    expect(formationOfToken(`${executorToken}y`, token)).toBeUndefined();
    expect(formationOfToken(executorToken, token.replace('shop', 'other'))).toBeUndefined();
  });

  test.each(['', '.', 'shop', 'shop.', `shop.${'0'.repeat(64)}`, `shop.${'0'.repeat(63)}g`, 'a.b.c'])(
    '%j is none',
    (token) => {
      expect(formationOfToken(executorToken, token)).toBeUndefined();
    },
  );
});

test('a key is written as its path', () => {
  expect(formatKey({ formation: 'shop', service: 'web', instance: '1' })).toBe('shop/web.1');
});
