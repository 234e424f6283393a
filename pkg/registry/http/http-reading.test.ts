import { request } from 'node:http';
import { RegistryHttpRig, shopToken as shop } from '../../testing/registry-http-rig';
import { HeldFollower, token, until } from '../../testing/registry-nodes';
import { announceToken } from '../announce-token';
import type { InstanceNetwork } from '../types';

let rig: RegistryHttpRig;
beforeEach(async () => {
  rig = await RegistryHttpRig.start();
});
afterEach(() => rig.close());

const call = (...args: Parameters<RegistryHttpRig['call']>) => rig.call(...args);
const body = JSON.stringify({ host: '10.0.0.7', port: 5432 });

describe('followers over HTTP', () => {
  test('what has not changed is not sent again', async () => {
    await call('PUT', '/shop/web.a', { token: shop, body });
    const { etag } = (await call('GET', '/shop')).headers;
    const again = await call('GET', '/shop', { headers: { 'if-none-match': String(etag) } });
    expect(again).toMatchObject({ status: 304, text: '' });
    await call('PUT', '/shop/web.b', { token: shop, body });
    expect((await call('GET', '/shop', { headers: { 'if-none-match': String(etag) } })).status).toBe(200);
  });

  test('a long poll answers at the change', async () => {
    const { etag } = (await call('GET', '/shop/web')).headers;
    const waiting = call('GET', '/shop/web?wait=4000', { headers: { 'if-none-match': String(etag) } });
    // Of another service: no answer to this question.
    rig.node.announce({ formation: 'shop', service: 'worker', instance: '1' }, {});
    rig.node.announce({ formation: 'shop', service: 'web', instance: '1' }, {});
    expect(await waiting).toMatchObject({ status: 200, text: '{"web.1":{}}' });
  });

  test('a withdrawal is waited for no longer than its caller is there', async () => {
    rig.node.follow(new HeldFollower('router'));
    rig.node.announce({ formation: 'shop', service: 'web', instance: '1' }, {});
    const withdraw = jest.spyOn(rig.node, 'withdraw');
    const headers = { authorization: `Bearer ${token}` };
    const sent = request({
      port: rig.port,
      method: 'DELETE',
      path: '/shop/web.1?wait=60000',
      headers,
      agent: false,
    });
    sent.on('error', () => {});
    sent.end();
    await until('it waits', () => withdraw.mock.results.length === 1);
    let ended: unknown;
    (withdraw.mock.results[0]?.value as Promise<unknown>).catch((error: unknown) => (ended = error));
    sent.destroy();
    await until('nobody waits', () => ended !== undefined);
    expect(ended).toMatchObject({ message: 'whoever waited for the withdrawal has gone' });
  });

  test('a long poll ends when its time is over', async () => {
    const { etag } = (await call('GET', '/shop')).headers;
    const answer = await call('GET', '/shop?wait=30', { headers: { 'if-none-match': String(etag) } });
    expect(answer.status).toBe(304);
  });

  test('events are sent as long as somebody listens', async () => {
    let received = '';
    const sent = request(
      { port: rig.port, path: '/shop', headers: { accept: 'text/event-stream' }, agent: false },
      (response) => {
        response.on('data', (data) => (received += String(data)));
        response.on('error', () => {});
      },
    );
    sent.on('error', () => {});
    sent.end();
    await until('the state comes', () => received.includes('data: {}\n\n'));
    rig.node.announce({ formation: 'shop', service: 'web', instance: '1' }, {});
    await until('the change comes', () => received.includes('data: {"web.1":{}}\n\n'));
    // Whatever stands between would take a connection on which nothing happens for a dead one.
    await until('it is kept alive', () => received.endsWith(': still here\n\n'));
    sent.destroy();
  });
});

describe('questions', () => {
  test('a name is resolved', async () => {
    rig.node.announce(
      { formation: 'shop', service: 'web', instance: '1' },
      { host: '10.0.0.1', port: 10_000, ports: { '8080': 10_000 }, release: 'v2', executor: 'e1' },
    );
    const answer = JSON.parse((await call('GET', '/-/resolve?name=web.shop.service')).text) as unknown;
    const endpoint = { formation: 'shop', service: 'web', instance: '1', release: 'v2', executor: 'e1' };
    expect(answer).toMatchObject({
      name: 'web.shop.service',
      node: 'e1',
      endpoints: [{ ...endpoint, host: '10.0.0.1', port: 10_000, stale: false }],
    });
    expect((await call('GET', '/-/resolve?name=v2.web.shop.service')).status).toBe(200);
    await rig.node.withdraw({ formation: 'shop', service: 'web', instance: '1' });
    // Lately known: nothing is there, but the name is right.
    expect(JSON.parse((await call('GET', '/-/resolve?name=web.shop.service')).text)).toMatchObject({
      endpoints: [],
    });
  });

  test.each([
    ['wbe.shop.service', ['web.shop.service']],
    ['web.shpo.service', ['web.shop.service']],
    ['2.web.shop.service', ['1.web.shop.service']],
    ['v3.web.shop.service', ['v2.web.shop.service']],
  ])('%s is unknown, and the nearest is named', async (name, nearest) => {
    rig.node.announce({ formation: 'shop', service: 'web', instance: '1' }, { release: 'v2' });
    const answer = await call('GET', `/-/resolve?name=${name}`);
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ nearest });
  });

  test.each(['wbe.shop.service', 'web.shpo.service', '2.web.shop.service'])(
    '%s is unknown, and what was withdrawn is not offered',
    async (name) => {
      const key = { formation: 'shop', service: 'web', instance: '1' };
      rig.node.announce(key, {});
      rig.node.announce({ formation: 'blog', service: 'worker', instance: '1' }, {});
      await rig.node.withdraw(key);
      const answer = await call('GET', `/-/resolve?name=${name}`);
      expect(answer.status).toBe(404);
      const nearest = name === '2.web.shop.service' ? [] : ['worker.blog.service'];
      expect(JSON.parse(answer.text)).toMatchObject({ nearest });
    },
  );

  describe('auxiliary services are offered to those only who may use them', () => {
    const cache = { formation: 'shop', service: '_cache', instance: '1' };
    const nearestOf = async (name: string, token?: string) => {
      const answer = await call('GET', `/-/resolve?name=${name}`, token === undefined ? {} : { token });
      expect(answer.status).toBe(404);
      return (JSON.parse(answer.text) as { nearest: string[] }).nearest;
    };
    const cacheAnd = ['_cache.shop.service'];

    beforeEach(() => rig.node.announce(cache, {}));

    test('the machine itself, and who has the token of an executor or of the formation', async () => {
      expect(await nearestOf('_cahce.shop.service')).toEqual(cacheAnd);
      rig.node.setInstances({ '127.0.0.1': { formation: 'blog', service: 'web', instance: '1' } });
      expect(await nearestOf('_cahce.shop.service', token)).toEqual(cacheAnd);
      expect(await nearestOf('_cahce.shop.service', shop)).toEqual(cacheAnd);
      expect(await nearestOf('_cahce.shop.service', announceToken(token, 'blog'))).toEqual([]);
    });

    test.each([
      ['_cahce.shop.service', 'shop', undefined, cacheAnd],
      ['_cahce.shop.service', 'blog', undefined, []],
      ['2._cache.shop.service', 'blog', undefined, []],
      ['_cache.shpo.service', 'blog', undefined, []],
      ['_cahce.shop.service', 'blog', ['blog'], cacheAnd],
      ['_cache.shpo.service', 'blog', ['*'], cacheAnd],
    ])('%s for an instance of %s, shared with %j', async (name, formation, sharedWith, offered) => {
      if (sharedWith) rig.node.announce(cache, { sharedWith });
      rig.node.setInstances({ '127.0.0.1': { formation, service: 'web', instance: '1' } });
      expect(await nearestOf(name)).toEqual(offered);
    });

    test('a token that is none of the stage’s is refused', async () => {
      expect((await call('GET', '/-/resolve?name=web.shop.service', { token: 'none' })).status).toBe(401);
    });
  });

  test('what is no name is said to be none', async () => {
    expect((await call('GET', '/-/resolve?name=..')).status).toBe(400);
    expect((await call('GET', '/-/resolve')).status).toBe(400);
  });

  test('the environment of instances, who they are, and how the node is', async () => {
    const { registry, epoch } = JSON.parse((await call('GET', '/-/environment')).text) as InstanceNetwork;
    expect(registry).toBe('http://127.0.0.1:1');
    expect(epoch).not.toBe('');
    const key = { formation: 'shop', service: 'web', instance: '1' };
    const table = JSON.stringify({ '172.17.0.5': key, '172.17.0.6': { ...key, link: 42 } });
    expect((await call('PUT', '/-/instances', { token, body: table })).status).toBe(204);
    expect(rig.node.identify('172.17.0.5')).toEqual(key);
    expect(rig.node.identify('172.17.0.6')).toEqual({ ...key, link: 42 });
    expect(JSON.parse((await call('GET', '/-/status')).text)).toMatchObject({
      name: 'e1',
      instances: 2,
      peers: [],
      virtualIps: { translation: 'nftables', reason: 'why' },
    });
  });
});
