import { connect } from 'node:net';
import { answering, eventually, get, ok, ProxyHarness, request } from '../testing/proxy-harness';

let harness: ProxyHarness;

beforeEach(async () => {
  harness = await ProxyHarness.start();
});
afterEach(() => harness.end());

/** For what waits until a time is over; all else has the usual ones, so that a busy machine changes nothing. */
async function impatient(): Promise<void> {
  await harness.end();
  harness = await ProxyHarness.start({
    headMs: 200,
    requestBodyMs: 200,
    responseMs: 200,
    responseBodyMs: 200,
  });
}

const post = (fields: string[], body = '') => request('POST', fields, body);

describe('a request that two readers could understand differently is refused, and its connection ends', () => {
  const line = 'GET http://web.shop.service/ HTTP/1.1';
  it.each<[string, string, number, string]>([
    [
      'Content-Length and Transfer-Encoding',
      post(['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      400,
      'both',
    ],
    [
      'Transfer-Encoding and Content-Length',
      post(['Transfer-Encoding: chunked', 'Content-Length: 4'], '0\r\n\r\n'),
      400,
      'both',
    ],
    [
      'two Content-Lengths',
      post(['Content-Length: 4', 'Content-Length: 5'], 'aaaaa'),
      400,
      'more than one Content-Length',
    ],
    [
      'the same Content-Length twice',
      post(['Content-Length: 4', 'Content-Length: 4'], 'aaaa'),
      400,
      'more than one',
    ],
    ['a list of Content-Lengths', post(['Content-Length: 4, 4'], 'aaaa'), 400, 'no number'],
    ['a signed Content-Length', post(['Content-Length: +4'], 'aaaa'), 400, 'no number'],
    ['a negative Content-Length', post(['Content-Length: -4'], 'aaaa'), 400, 'no number'],
    ['a hexadecimal Content-Length', post(['Content-Length: 0x4'], 'aaaa'), 400, 'no number'],
    ['an empty Content-Length', post(['Content-Length:'], 'aaaa'), 400, 'no number'],
    ['a Content-Length beyond numbers', post(['Content-Length: 99999999999999999999']), 400, 'no number'],
    [
      'two Transfer-Encodings',
      post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']),
      400,
      'more than one',
    ],
    ['another Transfer-Encoding', post(['Transfer-Encoding: gzip']), 501, 'other than chunked'],
    ['chunked not last', post(['Transfer-Encoding: chunked, identity']), 501, 'other than chunked'],
    ['chunked with a vertical tab', post(['Transfer-Encoding: \x0bchunked']), 400, 'control character'],
    [
      'chunked of HTTP/1.0',
      'POST http://web.shop.service/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      '1.0',
    ],
    ['a folded field', `${line}\r\nHost: web\r\nX: a\r\n b\r\n\r\n`, 400, 'folds'],
    ['a folded first field', `${line}\r\n Host: web\r\n\r\n`, 400, 'folds'],
    ['a space before the colon', post(['Content-Length : 4'], 'aaaa'), 400, 'not allowed'],
    ['a field without a name', `${line}\r\nHost: web\r\n: a\r\n\r\n`, 400, 'not allowed'],
    ['a field without a colon', `${line}\r\nHost: web\r\nX\r\n\r\n`, 400, 'not allowed'],
    ['a NUL in a field', `${line}\r\nHost: web\r\nX: a\0b\r\n\r\n`, 400, 'control character'],
    ['a carriage return in a field', `${line}\r\nHost: web\r\nX: a\rY: b\r\n\r\n`, 400, 'control character'],
    ['a line feed in a field', `${line}\r\nHost: web\r\nX: a\nY: b\r\n\r\n`, 400, 'control character'],
    ['line feeds alone', `${line}\nHost: web\n\n`, 400, 'request line'],
    ['no Host', `${line}\r\n\r\n`, 400, 'no Host'],
    ['two Hosts', `${line}\r\nHost: web\r\nHost: web\r\n\r\n`, 400, 'more than one Host'],
    ['no version', 'GET http://web.shop.service/\r\n\r\n', 400, 'request line'],
    [
      'two spaces in the request line',
      'GET  http://web.shop.service/ HTTP/1.1\r\nHost: a\r\n\r\n',
      400,
      'request line',
    ],
    [
      'a space in the address',
      'GET http://web.shop.service/a b HTTP/1.1\r\nHost: a\r\n\r\n',
      400,
      'request line',
    ],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'HTTP/2.0'],
    ['an address of this machine', get([], '/'), 400, 'this is a proxy'],
    ['https without CONNECT', get([], 'https://web.shop.service/'), 400, 'CONNECT'],
    ['ftp', get([], 'ftp://web.shop.service/'), 400, 'only http://'],
    ['a user name', get([], 'http://web.shop.service@127.0.0.1/'), 400, 'user name'],
    ['a fragment', get([], 'http://web.shop.service/#a'), 400, 'fragment'],
    ['port 0', get([], 'http://web.shop.service:0/'), 400, 'no port'],
    ['port 65536', get([], 'http://web.shop.service:65536/'), 400, 'no port'],
    ['no host', get([], 'http:///a'), 400, 'host of the address'],
    ['an escaped host', get([], 'http://web%2eshop.service/'), 400, 'host of the address'],
    ['a host with a comma', get([], 'http://a,b/'), 400, 'host of the address'],
    ['a broken IPv6 address', get([], 'http://[::1::2]/'), 400, 'host of the address'],
    ['CONNECT without a port', 'CONNECT web.shop.service HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'needs a port'],
    [
      'CONNECT with a path',
      'CONNECT web.shop.service:80/a HTTP/1.1\r\nHost: a\r\n\r\n',
      400,
      'host of the address',
    ],
    [
      'CONNECT with a body',
      'CONNECT web.shop.service:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
      400,
      'no body',
    ],
    ['more than 200 fields', get(Array.from({ length: 201 }, (_, n) => `X-${n}: a`)), 431, '200'],
    [
      '64 KiB of header fields',
      get(Array.from({ length: 64 }, (_, n) => `X-${n}: ${'a'.repeat(1015)}`)),
      431,
      'longer than',
    ],
    ['an address of 20 KiB', get([], `http://web.shop.service/${'a'.repeat(20_000)}`), 414, 'longer than'],
  ])('%s', async (_, text, status, reason) => {
    const endpoint = await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(text + get([], 'http://web.shop.service/smuggled'));
    const answer = await caller.rest();
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(/^gilliam-error: (.*)$/m.exec(answer)?.[1]).toContain(reason);
    expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
    expect(answer).toContain('connection: close\r\n');
    expect(endpoint.connections).toHaveLength(0);
  });

  it.each<[string, string]>([
    ['a size that is no number', 'x\r\n'],
    ['a size with a sign', '+1\r\na\r\n0\r\n\r\n'],
    ['a size with 0x', '0x1\r\na\r\n0\r\n\r\n'],
    ['a size with a space before', ' 1\r\na\r\n0\r\n\r\n'],
    ['an empty size', '\r\na\r\n0\r\n\r\n'],
    ['a size of 20 digits', '00000000000000000001\r\na\r\n0\r\n\r\n'],
    ['more data than said', '1\r\nab\r\n0\r\n\r\n'],
    ['a line feed alone after a size', '1\na\r\n0\r\n\r\n'],
    ['a line feed alone after data', '1\r\na\n0\r\n\r\n'],
    ['a line feed alone in an extension', '1;a\nb\r\na\r\n0\r\n\r\n'],
    ['a carriage return in an extension', '1;a\rb\r\na\r\n0\r\n\r\n'],
    ['an extension without end', `1;${'a'.repeat(5_000)}`],
    ['a trailer that says a length', '0\r\nContent-Length: 3\r\n\r\n'],
    ['a trailer that says a framing', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'],
    ['trailers without end', `0\r\n${'X: a\r\n'.repeat(5_000)}`],
  ])('chunks with %s', async (_, body) => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(post(['Transfer-Encoding: chunked'], body + get([], 'http://web.shop.service/smuggled')));
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    for (const instance of endpoint.connections) {
      await eventually('the instance sees a broken request', () => instance.ended !== undefined);
      expect(instance.text).not.toContain('smuggled');
      expect(instance.text).not.toMatch(/0\r\n\r\n$/);
    }
  });
});

it('a head whose lines end in line feeds alone is refused at once: its end would never come', async () => {
  const caller = await harness.caller();
  caller.send('GET http://web.shop.service/ HTTP/1.1\r\nHost: a\n\n');
  expect(await caller.rest()).toMatch(/^HTTP\/1.1 400 [^]*does not end in CR LF/);
});

it('another Host than the address says is not passed on', async () => {
  const endpoint = await harness.endpoint();
  const caller = await harness.caller();
  caller.send('GET http://web.shop.service/ HTTP/1.1\r\nHost: admin.internal\r\n\r\n');
  const instance = await endpoint.accepted();
  const text = await instance.message();
  expect(text).toContain('\r\nHost: web.shop.service\r\n');
  expect(text).not.toContain('admin.internal');
});

it('what is about one connection is not passed on, and nothing else can be taken away', async () => {
  const endpoint = await harness.endpoint();
  const caller = await harness.caller();
  const hop = [
    'Connection: X-Hop, keep-alive, Content-Length, Host',
    'X-Hop: 1',
    'Keep-Alive: 1',
    'TE: gzip',
  ];
  caller.send(
    post([...hop, 'Proxy-Authorization: a', 'Proxy-Connection: b', 'Upgrade: h2c', 'Content-Length: 1'], 'a'),
  );
  const instance = await endpoint.accepted();
  expect(await instance.message()).toBe(
    'POST / HTTP/1.1\r\nHost: web.shop.service\r\nContent-Length: 1\r\n' +
      'Via: 1.1 gilliam-one (web.shop.service:80)\r\n\r\na',
  );
  instance.send(ok('', ['Connection: X-Hop', 'X-Hop: 1', 'Proxy-Authenticate: a', 'Keep-Alive: timeout=1']));
  expect(await caller.message()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 gilliam-one\r\n\r\n');
});

it('h2c is not passed on: nobody could see what follows', async () => {
  const endpoint = await harness.endpoint();
  const caller = await harness.caller();
  caller.send(get(['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']));
  expect(await (await endpoint.accepted()).message()).not.toMatch(/upgrade|http2/i);
});

describe('slow callers', () => {
  beforeEach(impatient);

  it('have so much time for a head, however often they send a byte', async () => {
    const caller = await harness.caller();
    caller.send('GET http://web.shop.service/ HTTP/1.1\r\n');
    const drip = setInterval(() => caller.send('X'), 20);
    try {
      expect(await caller.until('\n\n').catch(() => caller.rest())).toMatch(
        /^HTTP\/1.1 408 Request Timeout\r\n/,
      );
    } finally {
      clearInterval(drip);
    }
  });

  it('have so much time between two pieces of a body', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(post(['Content-Length: 10'], 'a'));
    const instance = await endpoint.accepted();
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    await instance.rest();
  });

  it('have so much time to take a response', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    caller.socket.pause();
    instance.send(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * 1024 * 1024}\r\n\r\n`);
    instance.send(Buffer.alloc(64 * 1024 * 1024));
    await eventually('the instance is let go', () => instance.ended !== undefined);
    caller.socket.resume();
  });

  it('that ask and ask, and take no answer, are not answered without end', async () => {
    let answered = 0;
    const response = ok('a'.repeat(32 * 1024));
    await harness.endpoint(
      'shop/web.1',
      answering(response, () => void answered++),
    );
    const caller = await harness.caller();
    caller.socket.pause();
    for (let count = 0; count < 2_000; count++) caller.send(get());
    await eventually('it is given up', () => harness.proxy.stats().connections === 0);
    // What the kernel holds for both sides, and little more.
    expect(answered).toBeLessThan(500);
  });

  it('that take their time get all answers', async () => {
    await harness.end();
    harness = await ProxyHarness.start();
    let answered = 0;
    const response = ok('a'.repeat(32 * 1024));
    await harness.endpoint(
      'shop/web.1',
      answering(response, () => void answered++),
    );
    const caller = await harness.caller();
    caller.socket.pause();
    for (let count = 0; count < 500; count++) caller.send(get());
    // More than one answer is held back by then, and not all are there.
    await eventually('some are answered', () => answered > 20);
    caller.socket.resume();
    for (let count = 0; count < 500; count++) expect(await caller.message()).toMatch(/^HTTP\/1.1 200 /);
  });

  it('that do not end a refused request do not keep the connection', async () => {
    const caller = await harness.caller();
    caller.send('nonsense\r\n\r\n');
    await caller.until('\r\n\r\n');
    const drip = setInterval(() => caller.send('x'.repeat(1_000)), 20);
    try {
      await eventually('it is closed', () => harness.proxy.stats().connections === 0);
    } finally {
      clearInterval(drip);
    }
  });
});

describe('an instance that does not speak HTTP as it should', () => {
  it.each<[string, string, string]>([
    [
      'Content-Length and Transfer-Encoding',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'both',
    ],
    [
      'two Content-Lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      'more than one',
    ],
    ['another Transfer-Encoding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'other than chunked'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n', 'folds'],
    ['a line feed in a field', 'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n', 'control character'],
    ['something else', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'not HTTP'],
    ['a head of 64 KiB', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(64 * 1024)}\r\n\r\n`, 'too long'],
    [
      '101 that was not asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
      'without being asked',
    ],
    [
      'interim responses without end',
      'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40),
      'does not come to an answer',
    ],
  ])('%s: 502', async (_, text, reason) => {
    await harness.endpoint('shop/web.1', answering(text));
    const caller = await harness.caller();
    caller.send(get(['Connection: close']));
    const answer = (await caller.rest()).replace(/HTTP\/1.1 102 [^]*?\r\n\r\n/g, '');
    expect(answer).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n/);
    expect(/^gilliam-error: (.*)$/m.exec(answer)?.[1]).toContain(reason);
  });

  it('speaks after its answer: that is nobody else’s answer', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send(ok() + ok('poison'));
    expect(await caller.message()).toMatch(/ok$/);
    caller.send(get());
    const other = await endpoint.accepted();
    await other.message();
    other.send(ok('right'));
    expect(await caller.message()).toMatch(/right$/);
    await instance.rest();
    // On a connection that is not used, too.
    other.send(ok('poison'));
    await other.rest();
    caller.send(get());
    await (await endpoint.accepted()).message();
  });
});

describe('an instance that breaks off a response', () => {
  const cut: [string, string][] = [
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ['within a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabc'],
    ['before its last line', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n'],
  ];
  it.each(cut)('%s: the caller sees a broken one', async (_, text) => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send(text);
    const got = await caller.until('abc');
    instance.end();
    const rest = await caller.rest();
    expect(got + rest).not.toMatch(/0\r\n\r\n$/);
    expect(rest).not.toContain('HTTP/1.1');
  });

  it.each(cut.slice(1))('%s: a caller of HTTP/1.0 sees a reset', async (_, text) => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send('GET http://web.shop.service/ HTTP/1.0\r\n\r\n');
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send(text);
    await caller.until('abc');
    instance.end();
    await caller.rest();
    expect(caller.ended).toBe('reset');
  });

  it('with a reset, where the end of the connection is its end', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send('HTTP/1.1 200 OK\r\n\r\nabc');
    await caller.until('abc\r\n');
    instance.reset();
    expect(await caller.rest()).toBe('');
  });

  it('with chunks that are none', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await caller.until('abc\r\n');
    instance.send('zzz\r\n0\r\n\r\n');
    expect(await caller.rest()).not.toMatch(/0\r\n\r\n$/);
  });

  it('silently, as a machine that is gone does', async () => {
    await impatient();
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    expect(await caller.rest()).toMatch(/abc$/);
  });
});

it('an instance that takes a request and never answers: 504', async () => {
  await harness.end();
  harness = await ProxyHarness.start({ responseMs: 200 });
  const endpoint = await harness.endpoint();
  const caller = await harness.caller();
  caller.send(get());
  const instance = await endpoint.accepted();
  await instance.message();
  const answer = await caller.message();
  expect(answer).toMatch(/^HTTP\/1.1 504 Gateway Timeout\r\n/);
  expect(answer).toContain('gilliam-error: web.shop.service (web.1) did not answer within 200 ms\r\n');
  await instance.rest();
});

describe('loops', () => {
  it('a request that has come back is refused with 508', async () => {
    await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(get(['Via: 1.1 other, 1.1 gilliam-one (web.shop.service:80)']));
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 508 Loop Detected\r\n/);
  });

  it('a service that copies its callers’ headers into its own requests is none', async () => {
    await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(
      get(['Via: 1.1 gilliam-one (gateway.shop.service:80)', 'Via: 1.1 gilliam-two (web.shop.service:80)']),
    );
    expect(await caller.message()).toMatch(/^HTTP\/1.1 200 /);
  });

  it('a chain that does not end is one', async () => {
    const caller = await harness.caller();
    caller.send(get(Array.from({ length: 16 }, (_, n) => `Via: 1.1 gilliam-one (s${n}.shop.service:80)`)));
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 508 Loop Detected\r\n/);
  });

  it('a service that is announced at the proxy itself', async () => {
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: harness.port });
    for (const text of [get(), 'CONNECT web.shop.service:80 HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const caller = await harness.caller();
      caller.send(text);
      expect(await caller.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 508 Loop Detected\r\n/);
    }
  });
});

it('noise of any kind ends in an answer or an end, and harms nobody', async () => {
  await harness.endpoint('shop/web.1', answering(ok()));
  let seed = 7;
  const next = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const valid = post(['Transfer-Encoding: chunked', 'X: y'], '3\r\nabc\r\n0\r\n\r\n');
  for (let round = 0; round < 150; round++) {
    const bytes = Buffer.from(valid, 'latin1');
    for (let change = 0; change <= next(4); change++) bytes[next(bytes.length)] = next(256);
    const socket = connect({ port: harness.port, host: '127.0.0.1' });
    await new Promise<void>((resolve) => {
      socket.on('data', () => socket.end());
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.end(bytes);
    });
  }
  const caller = await harness.caller();
  caller.send(get());
  expect(await caller.message()).toMatch(/ok$/);
  await eventually('nothing is left', () => harness.proxy.stats().connections === 1);
});
