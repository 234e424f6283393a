import { request } from 'node:http';
import { connect } from 'node:net';
import { HeldFollower, makeNode, token, until } from '../../testing/registry-nodes';
import { announceToken } from '../announce-token';
import type { RegistryNode } from '../node';
import type { InstanceNetwork } from '../types';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

let node: RegistryNode;
let port: number;

beforeEach(async () => {
  node = makeNode('e1', {
    virtualIpStatus: () => ({ translation: 'nftables', reason: 'why' }),
    limits: { writesPerSecond: 5, writesBurst: 20, entriesPerFormation: 3, entriesPerNode: 5, waiting: 4 },
    times: { livenessMs: 30_000, pingMs: 50 },
  });
  [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
});

afterEach(() => node.close());

const shop = announceToken(token, 'shop');

function call(
  method: string,
  path: string,
  options: { body?: string; token?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...options.headers,
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    };
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (data) => (text += String(data)));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
      );
    });
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : options.body);
  });
}

const body = JSON.stringify({ host: '10.0.0.7', port: 5432 });

describe('announcing', () => {
  test('something outside Gilliam gets a name, renews it, and takes it back', async () => {
    expect(await call('PUT', '/shop/_db.primary', { token: shop, body })).toMatchObject({
      status: 201,
      text: '{"expiresMs":30000}',
    });
    expect((await call('PUT', '/shop/_db.primary', { token: shop, body })).status).toBe(200);
    expect((await call('GET', '/shop')).text).toBe(`{"_db.primary":${body}}`);
    expect((await call('GET', '/shop/_db')).text).toBe(`{"_db.primary":${body}}`);
    expect((await call('GET', '/shop/_db.primary')).text).toBe(`{"_db.primary":${body}}`);
    expect(await call('DELETE', '/shop/_db.primary', { token: shop })).toMatchObject({
      status: 200,
      text: '{"acknowledged":[],"missing":[]}',
    });
    expect((await call('GET', '/shop')).text).toBe('{}');
    expect((await call('GET', '/shop/_db.primary')).status).toBe(404);
  });

  test('whatever the order it was announced in, it is listed by service and number', async () => {
    for (const path of ['web.10', 'db.1', 'web.2', 'web.1']) {
      const [service = '', instance = ''] = path.split('.');
      node.announce({ formation: 'shop', service, instance }, {});
    }
    expect((await call('GET', '/shop')).text).toBe('{"db.1":{},"web.1":{},"web.2":{},"web.10":{}}');
    expect((await call('GET', '/shop/web')).text).toBe('{"web.1":{},"web.2":{},"web.10":{}}');
    expect((await call('GET', '/shop?pretty')).text.match(/\w+\.\d+/g)).toEqual([
      ...['db.1', 'web.1', 'web.2', 'web.10'],
    ]);
  });

  test('for people', async () => {
    await call('PUT', '/shop/_db.primary', { token: shop, body });
    expect((await call('GET', '/shop?pretty')).text).toBe(
      `${JSON.stringify({ '_db.primary': JSON.parse(body) as unknown }, null, 2)}\n`,
    );
  });
});

/** An announcement of so many ports. */
function manyPorts(count: number): string {
  const ports = Object.fromEntries(Array.from({ length: count }, (_, port) => [port + 1, 10_000]));
  return JSON.stringify({ host: '10.0.0.7', port: 10_000, ports });
}

describe('bad input', () => {
  test.each([
    ['no JSON', '{"host":', 400, 'not JSON'],
    ['nothing', '', 400, 'not JSON'],
    ['an array', '[1]', 400, 'JSON object'],
    ['a text', '"x"', 400, 'JSON object'],
    ['null', 'null', 400, 'JSON object'],
    ['a body of 1 MiB', JSON.stringify({ x: 'x'.repeat(1 << 20) }), 413, '16384 bytes'],
    ['deep nesting', `{"x":${'['.repeat(500)}${']'.repeat(500)}}`, 400, 'nested'],
    ['a port of 0', '{"port":0}', 400, 'port'],
    ['a port that is a text', '{"port":"80"}', 400, 'port'],
    ['ports that are none', '{"ports":{"x":1}}', 400, 'ports'],
    ['more ports than a service has', manyPorts(65), 400, 'at most 64 ports, and these are 65'],
    ['a host that is a URL', '{"host":"http://x/"}', 400, 'host'],
    ['a host with a line break', '{"host":"a\\nb"}', 400, 'host'],
    ['half an address', '{"host":"127.1"}', 400, 'host'],
    ['a release that is none', '{"release":"new"}', 400, 'release'],
    ['the own machine', '{"host":"127.0.0.1"}', 400, 'another machine'],
    ['the metadata service of a cloud', '{"host":"169.254.169.254"}', 400, 'another machine'],
    ['what only an agent knows', '{"address":"172.17.0.9"}', 403, 'address'],
    ['an executor', '{"executor":"e1"}', 403, 'executor'],
  ])('%s', async (_what, sent, status, message) => {
    const answer = await call('PUT', '/shop/web.x', { token: shop, body: sent });
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.text) as { error: string }).error).toContain(message);
    expect((await call('GET', '/shop')).text).toBe('{}');
  });

  test('a body that never ends is cut off, and not kept', async () => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (data) => (received += String(data)));
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(
      `PUT /shop/web.x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${shop}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
    for (let sent = 0; sent < 10; sent++) socket.write(chunk);
    await closed;
    expect(received).toContain('413 ');
  });

  test.each([
    ...[
      '/shop/../other/web.1',
      '/shop/%2e%2e/web.1',
      '/shop//web.1',
      '/shop/web.1/',
      '/shop/web%2e1',
      '//shop/web.1',
    ],
    ...[
      '/shop/web.1%00',
      '/shop/__proto__.1',
      '/Shop/web.1',
      '/shop\\web.1',
      '/shop/web.1;x',
      '/shop/.1',
      '/',
    ],
    ...['http://other/shop/web.1', '/-', '/shop/web.1#x'],
  ])('path trick %s', async (path) => {
    expect((await call('PUT', path, { token, body })).status).toBe(400);
    expect((await call('GET', path)).status).toBe(400);
  });

  test.each(['/-/../shop', '/-/gossip/', '/-/nothing', '/-/constructor'])('%s is nothing', async (path) => {
    expect((await call('GET', path, { token })).status).toBe(404);
  });

  test('only single entries are announced, and with the methods there are', async () => {
    expect((await call('PUT', '/shop/web', { token: shop, body })).status).toBe(400);
    expect((await call('DELETE', '/shop', { token: shop })).status).toBe(400);
    expect(await call('POST', '/shop/web.1', { token: shop, body })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, PUT, DELETE' },
    });
    expect((await call('DELETE', '/shop/web.1?wait=-1', { token: shop })).status).toBe(400);
  });
});

describe('who may', () => {
  test('an announcement for somebody else is refused', async () => {
    node.announce({ formation: 'shop', service: 'web', instance: '1' }, { host: '10.0.0.1', port: 1 });
    expect((await call('PUT', '/shop/web.1', { token: shop, body })).status).toBe(403);
    expect((await call('DELETE', '/shop/web.1', { token: shop })).status).toBe(403);
    expect((await call('PUT', '/other/web.1', { token: shop, body })).status).toBe(403);
    expect((await call('PUT', '/shop/web.2', { body })).status).toBe(401);
    expect((await call('PUT', '/shop/web.2', { token: `${shop}0`, body })).status).toBe(401);
    expect((await call('DELETE', '/shop/web.1')).status).toBe(401);
    expect((await call('GET', '/shop')).text).toBe('{"web.1":{"host":"10.0.0.1","port":1}}');
  });

  test.each([
    ['PUT', '/-/peers'],
    ['PUT', '/-/instances'],
    ['PUT', '/-/traffic'],
    ['GET', '/-/traffic'],
    ['POST', '/-/gossip'],
    ['POST', '/-/ack'],
    ['GET', '/-/follow?name=router'],
    ['POST', '/-/follow/ack'],
  ])('%s %s is for executors', async (method, path) => {
    expect((await call(method, path, { body: '[]' })).status).toBe(401);
    expect((await call(method, path, { body: '[]', token: shop })).status).toBe(403);
  });

  test.each([
    ['/-/peers', '{}'],
    ['/-/peers', '[{"name":"e2","address":"nowhere"}]'],
    ['/-/instances', '[]'],
    ['/-/instances', '{"172.17.0.5":{"formation":"shop"}}'],
    ['/-/instances', '{"172.17.0.5":{"formation":"shop","service":"web","instance":"1","link":"veth1"}}'],
    ['/-/gossip', '[]'],
    ['/-/gossip', '{"from":"e2","wallMs":1,"deltas":[{"origin":"e2"}]}'],
    ['/-/gossip', '{"from":"e2","wallMs":1,"digests":[["e2","zz","",1,1]]}'],
    ['/-/ack', '[{}]'],
    ['/-/follow/ack', '{"name":"router"}'],
    ['/-/traffic', '{}'],
    ['/-/traffic', '[{"formation":"shop","requests":-1}]'],
  ])('%s refuses %s', async (path, sent) => {
    const method = ['/-/peers', '/-/instances', '/-/traffic'].includes(path) ? 'PUT' : 'POST';
    expect((await call(method, path, { token, body: sent })).status).toBe(400);
  });
});

describe('limits', () => {
  test('of entries of a formation', async () => {
    for (const one of ['a', 'b', 'c']) {
      expect((await call('PUT', `/shop/web.${one}`, { token: shop, body })).status).toBe(201);
    }
    const refused = await call('PUT', '/shop/web.d', { token: shop, body });
    expect(refused.status).toBe(429);
    expect(refused.text).toContain('3 entries of shop');
  });

  test('of entries of a node, whatever their formations; what its agent announces is always taken', async () => {
    const put = (formation: string, one: string) =>
      call('PUT', `/${formation}/web.${one}`, { token: announceToken(token, formation), body });
    for (const one of ['a', 'b', 'c']) expect((await put('shop', one)).status).toBe(201);
    for (const one of ['a', 'b']) expect((await put('blog', one)).status).toBe(201);
    const refused = await put('blog', 'c');
    expect(refused.status).toBe(429);
    expect(refused.text).toContain('5 entries are announced at this node, which is all it takes');
    expect((await put('blog', 'a')).status).toBe(200);
    expect((await call('PUT', '/blog/web.1', { token, body })).status).toBe(201);
  });

  test('of those who wait for changes: the others are told to come again, and make room when they go', async () => {
    const ends: (() => void)[] = [];
    let listening = 0;
    for (let one = 0; one < 4; one++) {
      const headers = { accept: 'text/event-stream' };
      const sent = request({ port, path: '/shop', headers, agent: false }, () => listening++);
      sent.on('error', () => {});
      sent.end();
      ends.push(() => sent.destroy());
    }
    await until('all listen', () => listening === 4);
    const poll = async () => {
      const { etag = '' } = (await call('GET', '/shop')).headers;
      return call('GET', '/shop?wait=10', { headers: { 'if-none-match': String(etag) } });
    };
    const refused = await poll();
    expect([refused.status, refused.text]).toEqual([429, expect.stringContaining('too many wait')]);
    for (const end of ends) end();
    let status = 0;
    for (let tries = 0; tries < 100 && status !== 304; tries++) ({ status } = await poll());
    expect(status).toBe(304);
  });

  test('of the ports of one announcement: so many are taken', async () => {
    expect((await call('PUT', '/shop/web.a', { token: shop, body: manyPorts(64) })).status).toBe(201);
  });

  test('of the rate of one announcer, and of nobody else', async () => {
    const answers: Answer[] = [];
    for (let sent = 0; sent < 30; sent++)
      answers.push(await call('PUT', '/shop/web.a', { token: shop, body }));
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers['retry-after']).toBe('1');
    const other = announceToken(token, 'other');
    expect((await call('PUT', '/other/web.a', { token: other, body })).status).toBe(201);
    expect((await call('PUT', '/shop/web.1', { token, body })).status).toBe(201);
  });

  test('of those who come without a token, by their address', async () => {
    let status = 0;
    for (let sent = 0; sent < 30 && status !== 429; sent++) {
      ({ status } = await call('PUT', '/shop/web.a', { body }));
    }
    expect(status).toBe(429);
  });
});

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
    node.announce({ formation: 'shop', service: 'worker', instance: '1' }, {});
    node.announce({ formation: 'shop', service: 'web', instance: '1' }, {});
    expect(await waiting).toMatchObject({ status: 200, text: '{"web.1":{}}' });
  });

  test('a withdrawal is waited for no longer than its caller is there', async () => {
    node.follow(new HeldFollower('router'));
    node.announce({ formation: 'shop', service: 'web', instance: '1' }, {});
    const withdraw = jest.spyOn(node, 'withdraw');
    const headers = { authorization: `Bearer ${token}` };
    const sent = request({ port, method: 'DELETE', path: '/shop/web.1?wait=60000', headers, agent: false });
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
      { port, path: '/shop', headers: { accept: 'text/event-stream' }, agent: false },
      (response) => {
        response.on('data', (data) => (received += String(data)));
        response.on('error', () => {});
      },
    );
    sent.on('error', () => {});
    sent.end();
    await until('the state comes', () => received.includes('data: {}\n\n'));
    node.announce({ formation: 'shop', service: 'web', instance: '1' }, {});
    await until('the change comes', () => received.includes('data: {"web.1":{}}\n\n'));
    // Whatever stands between would take a connection on which nothing happens for a dead one.
    await until('it is kept alive', () => received.endsWith(': still here\n\n'));
    sent.destroy();
  });
});

describe('questions', () => {
  test('a name is resolved', async () => {
    node.announce(
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
    await node.withdraw({ formation: 'shop', service: 'web', instance: '1' });
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
    node.announce({ formation: 'shop', service: 'web', instance: '1' }, { release: 'v2' });
    const answer = await call('GET', `/-/resolve?name=${name}`);
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ nearest });
  });

  test.each(['wbe.shop.service', 'web.shpo.service', '2.web.shop.service'])(
    '%s is unknown, and what was withdrawn is not offered',
    async (name) => {
      const key = { formation: 'shop', service: 'web', instance: '1' };
      node.announce(key, {});
      node.announce({ formation: 'blog', service: 'worker', instance: '1' }, {});
      await node.withdraw(key);
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

    beforeEach(() => node.announce(cache, {}));

    test('the machine itself, and who has the token of an executor or of the formation', async () => {
      expect(await nearestOf('_cahce.shop.service')).toEqual(cacheAnd);
      node.setInstances({ '127.0.0.1': { formation: 'blog', service: 'web', instance: '1' } });
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
      if (sharedWith) node.announce(cache, { sharedWith });
      node.setInstances({ '127.0.0.1': { formation, service: 'web', instance: '1' } });
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
    expect(node.identify('172.17.0.5')).toEqual(key);
    expect(node.identify('172.17.0.6')).toEqual({ ...key, link: 42 });
    expect(JSON.parse((await call('GET', '/-/status')).text)).toMatchObject({
      name: 'e1',
      instances: 2,
      peers: [],
      virtualIps: { translation: 'nftables', reason: 'why' },
    });
  });
});
