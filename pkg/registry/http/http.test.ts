import { request } from 'node:http';
import { connect } from 'node:net';
import { type HttpAnswer, RegistryHttpRig, shopToken as shop } from '../../testing/registry-http-rig';
import { token, until } from '../../testing/registry-nodes';
import { announceToken } from '../announce-token';

let rig: RegistryHttpRig;
beforeEach(async () => {
  rig = await RegistryHttpRig.start();
});
afterEach(() => rig.close());

const call = (...args: Parameters<RegistryHttpRig['call']>) => rig.call(...args);
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
      rig.node.announce({ formation: 'shop', service, instance }, {});
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
    const socket = connect(rig.port, '127.0.0.1');
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
    rig.node.announce({ formation: 'shop', service: 'web', instance: '1' }, { host: '10.0.0.1', port: 1 });
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
      const sent = request({ port: rig.port, path: '/shop', headers, agent: false }, () => listening++);
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
    const answers: HttpAnswer[] = [];
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
