import { createServer, request as httpRequest, Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answering, eventually, get, ok, ProxyHarness, request } from '../testing/proxy-harness';

let harness: ProxyHarness;

beforeEach(async () => {
  harness = await ProxyHarness.start();
});
afterEach(() => harness.end());

describe('a request by an absolute address', () => {
  it('reaches an instance, with its path, its authority as Host, and Via', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get(['User-Agent: x', 'Proxy-Connection: keep-alive'], 'http://WEB.shop.service/a/b?c=1'));
    const instance = await endpoint.accepted();
    expect(await instance.message()).toBe(
      'GET /a/b?c=1 HTTP/1.1\r\nHost: web.shop.service\r\nUser-Agent: x\r\n' +
        'Via: 1.1 gilliam-one (web.shop.service:80)\r\n\r\n',
    );
    instance.send(ok('hello', ['X-App: 1', 'Connection: keep-alive', 'Keep-Alive: timeout=5']));
    expect(await caller.message()).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-App: 1\r\nVia: 1.1 gilliam-one\r\n\r\nhello',
    );
  });

  it('keeps connections alive on both sides, whatever the other one does', async () => {
    const endpoint = await harness.endpoint('shop/web.1', answering(ok()));
    for (let caller = 0; caller < 3; caller++) {
      const connection = await harness.caller();
      for (let round = 0; round < 3; round++) {
        connection.send(get());
        expect(await connection.message()).toContain('ok');
      }
    }
    expect(endpoint.connections).toHaveLength(1);
  });

  it('answers requests sent at once in their order', async () => {
    await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(get() + get([], 'http://nobody.shop.service/') + get());
    expect(await caller.message()).toMatch(/^HTTP\/1.1 200 /);
    expect(await caller.message()).toMatch(/^HTTP\/1.1 404 /);
    expect(await caller.message()).toMatch(/^HTTP\/1.1 200 /);
  });

  it('answers a thousand requests sent at once', async () => {
    const caller = await harness.caller();
    caller.send(get([], 'http://nobody.shop.service/').repeat(1_000));
    for (let answer = 0; answer < 1_000; answer++) expect(await caller.message()).toMatch(/^HTTP\/1.1 404 /);
  });

  it('knows short names by the formation of the caller', async () => {
    harness.registry.setIdentity('127.0.0.1', 'shop/api.1');
    await harness.endpoint('shop/web.1', answering(ok('web of shop')));
    await harness.endpoint('other/web.1', answering(ok('web of another')));
    const caller = await harness.caller();
    for (const name of ['web', 'WEB', '1.web', 'web.shop.service', '1.web.shop.service']) {
      caller.send(get([], `http://${name}/`));
      expect(await caller.message()).toContain('web of shop');
    }
  });

  it('reaches one instance, or those of one release, by name', async () => {
    for (const [path, release] of [
      ['shop/web.1', 'v1'],
      ['shop/web.2', 'v2'],
    ] as const) {
      const server = await harness.endpoint(path, answering(ok(release)));
      await harness.registry.put(path, { host: '127.0.0.1', port: server.port, release });
    }
    const caller = await harness.caller();
    for (const [name, body] of [
      ['1.web', 'v1'],
      ['2.web', 'v2'],
      ['v1.web', 'v1'],
      ['v2.web', 'v2'],
    ] as const) {
      caller.send(get([], `http://${name}.shop.service/`));
      expect(await caller.message()).toContain(`\r\n\r\n${body}`);
    }
  });

  it('reaches the port that is meant', async () => {
    const first = await harness.endpoint('shop/web.1', answering(ok('first')));
    const second = await harness.endpoint('shop/other.1', answering(ok('second')));
    const ports = { '8080': first.port, '9090': second.port };
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: first.port, ports });
    const caller = await harness.caller();
    for (const [port, body] of [
      ['', 'first'],
      [':8080', 'first'],
      [':9090', 'second'],
    ] as const) {
      caller.send(get([], `http://web.shop.service${port}/`));
      expect(await caller.message()).toContain(body);
    }
    caller.send(get([], 'http://web.shop.service:7070/'));
    expect(await caller.message()).toContain('web.shop.service has no port 7070: it has 8080, 9090');
  });

  it('says of a service without a port how to give it one', async () => {
    await harness.registry.put('shop/api.1', { host: '127.0.0.1' });
    const caller = await harness.caller();
    caller.send(get([], 'http://api.shop.service/'));
    expect(await caller.message()).toContain(
      'api.shop.service has no port: its command mentions no $PORT, or its Dockerfile exposes none',
    );
  });

  it('says for an unknown name which are near', async () => {
    await harness.endpoint('shop/web.1');
    await harness.endpoint('shop/_cache.1');
    const caller = await harness.caller();
    caller.send(get([], 'http://wbe.shop.service/'));
    const answer = await caller.message();
    expect(answer).toMatch(/^HTTP\/1.1 404 Not Found\r\n/);
    const reason = 'there is no service wbe.shop.service: nearest are web.shop.service, _cache.shop.service';
    expect(answer).toContain(`\r\ngilliam-error: ${reason}\r\n`);
    expect(answer.endsWith(`\r\n\r\n${reason}\n`)).toBe(true);
  });

  it('offers no name that was withdrawn, but one that wakes', async () => {
    await harness.end();
    harness = await ProxyHarness.start({}, undefined, { held: ({ service }) => service === 'wba' });
    for (const service of ['wbe', 'wba', 'web'] as const) await harness.endpoint(`shop/${service}.1`);
    for (const service of ['wbe', 'wba'] as const) await harness.registry.remove(`shop/${service}.1`);
    const caller = await harness.caller();
    caller.send(get([], 'http://wbb.shop.service/'));
    expect(await caller.message()).toContain(': nearest are wba.shop.service, web.shop.service\r\n');
  });

  it('says for a service without an instance when to come again', async () => {
    await harness.endpoint('shop/web.1');
    await harness.registry.remove('shop/web.1');
    const caller = await harness.caller();
    caller.send(get());
    const answer = await caller.message();
    expect(answer).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n/);
    expect(answer).toContain('\r\nretry-after: 1\r\n');
    expect(answer).toContain('web.shop.service has no instance that is ready');
  });

  it('answers HEAD, 204 and 304 without a body, whatever they say of its length', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(request('HEAD', []));
    const instance = await endpoint.accepted();
    for (const status of ['200 OK', '204 No Content', '304 Not Modified']) {
      await instance.message();
      instance.send(`HTTP/1.1 ${status}\r\nContent-Length: 1000\r\n\r\n`);
      expect(await caller.until('\r\n\r\n')).toContain(status);
      caller.send(status.startsWith('2') ? get() : request('HEAD', []));
    }
    caller.send(request('HEAD', [], '', 'http://nobody.shop.service/'));
    await instance.message();
    instance.send(ok(''));
    await caller.message();
    expect(await caller.until('\r\n\r\n')).toContain('404');
    caller.send(get());
    await instance.message();
  });

  it('ends the connection where the caller asks for that, and for HTTP/1.0', async () => {
    await harness.endpoint('shop/web.1', answering(ok()));
    const closing = await harness.caller();
    closing.send(get(['Connection: close']));
    expect(await closing.rest()).toContain('Connection: close\r\n\r\nok');
    const old = await harness.caller();
    old.send('GET http://web.shop.service/ HTTP/1.0\r\n\r\n');
    expect(await old.rest()).toContain('\r\n\r\nok');
  });

  it('takes chunks apart for a caller of HTTP/1.0', async () => {
    await harness.endpoint(
      'shop/web.1',
      answering(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT: 1\r\n\r\n',
      ),
    );
    const caller = await harness.caller();
    caller.send('GET http://web.shop.service/ HTTP/1.0\r\n\r\n');
    expect(await caller.rest()).toMatch(/Connection: close\r\n\r\nabcde$/);
  });

  it('puts what ends with its connection into chunks, so that its end is seen', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    instance.send('HTTP/1.0 200 OK\r\n\r\nabc');
    expect(await caller.until('abc\r\n')).toMatch(/Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n$/);
    instance.end();
    expect(await caller.until('0\r\n\r\n')).toBe('0\r\n\r\n');
    caller.send(get());
    await endpoint.accepted();
  });

  it('works for the clients people use', async () => {
    const server = createServer((incoming, outgoing) => {
      outgoing.setHeader('x-url', incoming.url ?? '');
      incoming.pipe(outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    harness.onEnd(() => void server.close());
    await harness.registry.put('shop/web.1', {
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
    });
    const agent = new Agent({ keepAlive: true });
    harness.onEnd(() => agent.destroy());
    for (const body of ['', 'abc', 'x'.repeat(200_000)]) {
      const answer = await new Promise<string>((resolve, reject) => {
        const sent = httpRequest({
          agent,
          host: '127.0.0.1',
          port: harness.port,
          method: 'POST',
          path: 'http://web.shop.service/echo',
          headers: { host: 'web.shop.service' },
        });
        sent.on('error', reject).on('response', (response) => {
          let text = '';
          response.on('data', (data) => (text += String(data)));
          response.on('end', () => resolve(`${String(response.headers['x-url'])} ${text}`));
        });
        sent.end(body);
      });
      expect(answer).toBe(`/echo ${body}`);
    }
  });
});

describe('bodies', () => {
  it('stream both ways, byte by byte', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(request('POST', ['Content-Length: 3']));
    const instance = await endpoint.accepted();
    await instance.until('\r\n\r\n');
    for (const byte of 'abc') {
      caller.send(byte);
      await instance.until(byte);
    }
    instance.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await caller.until('\r\n\r\n');
    for (const byte of 'xyz') {
      instance.send(`1\r\n${byte}\r\n`);
      await caller.until(`1\r\n${byte}\r\n`);
    }
    instance.send('0\r\n\r\n');
    await caller.until('0\r\n\r\n');
  });

  it('carry trailers both ways', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(
      request(
        'POST',
        ['Transfer-Encoding: chunked', 'TE: trailers', 'Trailer: X-Sum'],
        '1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n',
      ),
    );
    const instance = await endpoint.accepted();
    const head = await instance.until('\r\n\r\n');
    expect(head).toContain('TE: trailers\r\nConnection: TE\r\n');
    expect(head).toContain('Trailer: X-Sum\r\n');
    expect(await instance.until('X-Sum: 7\r\n\r\n')).toBe('1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n');
    instance.send(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nGrpc-Status: 0\r\n\r\n',
    );
    expect(await caller.until('Grpc-Status: 0\r\n\r\n')).toContain('1\r\nb\r\n0\r\nGrpc-Status: 0\r\n\r\n');
    caller.send(get());
    await instance.until('\r\n\r\n');
  });

  it.each(['caller', 'instance'])('are not read faster than the %s takes them', async (slow) => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    const bytes = 64 * 1024 * 1024;
    caller.send(request('POST', [`Content-Length: ${slow === 'instance' ? bytes : 0}`]));
    const instance = await endpoint.accepted();
    await instance.until('\r\n\r\n');
    const [from, to] = slow === 'instance' ? [caller, instance] : [instance, caller];
    to.socket.pause();
    if (slow === 'caller') instance.send(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
    const piece = Buffer.alloc(1024 * 1024, 'x');
    let sent = 0;
    // One after the other: of several that wait together nothing is known until all are gone.
    const send = () => {
      if (sent === bytes) return;
      sent += piece.length;
      from.socket.write(piece, send);
    };
    send();
    let before = -1;
    let still = 0;
    await eventually('the sender is held back', () => {
      still = sent === before ? still + 1 : 0;
      before = sent;
      return still >= 20;
    });
    expect(sent).toBeLessThan(bytes / 2);
    let received = 0;
    to.socket.removeAllListeners('data');
    to.socket.on('data', (data) => (received += data.length));
    to.socket.resume();
    await eventually('all has arrived', () => received >= bytes);
  });

  it('may be answered before they are complete; the connection ends then', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(request('POST', ['Content-Length: 1000'], 'some'));
    const instance = await endpoint.accepted();
    await instance.until('some');
    instance.send('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 413 Too Large\r\n[^]*Connection: close\r\n\r\nno$/);
  });
});

describe('Expect: 100-continue', () => {
  it('is between the caller and the instance', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(request('PUT', ['Expect: 100-continue', 'Content-Length: 4']));
    const instance = await endpoint.accepted();
    expect(await instance.until('\r\n\r\n')).toContain('Expect: 100-continue\r\n');
    instance.send('HTTP/1.1 100 Continue\r\n\r\n');
    expect(await caller.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 100 Continue\r\n/);
    caller.send('body');
    await instance.until('body');
    instance.send('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' + ok('done'));
    expect(await caller.until('\r\n\r\n')).toContain('103 Early Hints\r\nLink: </a>\r\n');
    expect(await caller.message()).toContain('done');
  });

  it('may be refused', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(request('PUT', ['Expect: 100-continue', 'Content-Length: 4']));
    const instance = await endpoint.accepted();
    await instance.until('\r\n\r\n');
    instance.send('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 417 [^]*Connection: close\r\n\r\n$/);
  });

  it('tells no caller of HTTP/1.0 of interim responses', async () => {
    await harness.endpoint('shop/web.1', answering(`HTTP/1.1 103 Early Hints\r\n\r\n${ok()}`));
    const caller = await harness.caller();
    caller.send('GET http://web.shop.service/ HTTP/1.0\r\n\r\n');
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 200 OK/);
  });
});

describe('balancing', () => {
  it('sends a request to whoever has the fewest under way', async () => {
    const [one, two] = [await harness.endpoint('shop/web.1'), await harness.endpoint('shop/web.2')];
    const callers = await Promise.all(Array.from({ length: 6 }, () => harness.caller()));
    for (const caller of callers) caller.send(get());
    await eventually('all are under way', () => one.connections.length + two.connections.length === 6);
    expect(one.connections).toHaveLength(3);
    for (const connection of one.connections) {
      await connection.message();
      connection.send(ok());
    }
    const more = await Promise.all(Array.from({ length: 3 }, () => harness.caller()));
    const outstanding = () =>
      harness.proxy.stats().endpoints.find(({ instance }) => instance === '1')?.outstanding;
    await eventually('the first has answered', () => outstanding() === 0);
    for (const caller of more) caller.send(get());
    await eventually('the first has them', () => outstanding() === 3);
  });
});

describe('stats', () => {
  it('count what endpoints have done', async () => {
    await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    for (let round = 0; round < 3; round++) {
      caller.send(get());
      await caller.message();
    }
    const { connections, endpoints } = harness.proxy.stats();
    expect(connections).toBe(1);
    expect(endpoints).toMatchObject([
      {
        formation: 'shop',
        service: 'web',
        instance: '1',
        requests: 3,
        errors: 0,
        outstanding: 0,
        ejected: false,
      },
    ]);
    expect(endpoints[0]?.latencies.count).toBe(3);
  });
});
