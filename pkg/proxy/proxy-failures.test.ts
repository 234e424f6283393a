import { answering, eventually, get, ok, ProxyHarness, request } from '../testing/proxy-harness';
import { freePort } from '../testing/tcp-proxy';

let harness: ProxyHarness;
afterEach(() => harness.end());

const start = async (options: Parameters<typeof ProxyHarness.start>[0] = {}) => {
  harness = await ProxyHarness.start(options);
};

describe('retries', () => {
  beforeEach(() => start());

  it.each(['GET', 'POST'])('%s goes elsewhere when a connection is refused', async (method) => {
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: await freePort() });
    await harness.registry.put('shop/web.2', { host: '127.0.0.1', port: await freePort() });
    await harness.registry.put('shop/web.3', { host: '127.0.0.1', port: await freePort() });
    await harness.registry.put('shop/web.4', { host: '127.0.0.1', port: await freePort() });
    const good = await harness.endpoint('shop/web.5');
    const caller = await harness.caller();
    caller.send(request(method, ['Content-Length: 4'], 'body'));
    const instance = await good.accepted();
    expect(await instance.message()).toMatch(/body$/);
    instance.send(ok());
    expect(await caller.message()).toMatch(/ok$/);
  });

  it('says who refused when all do', async () => {
    const port = await freePort();
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port });
    const caller = await harness.caller();
    caller.send(get());
    const answer = await caller.message();
    expect(answer).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n/);
    expect(answer).toContain(`gilliam-error: web.shop.service: 127.0.0.1:${port} refused the connection\r\n`);
  });

  it('repeats what may be repeated when an instance hangs up before it answers', async () => {
    await harness.endpoint('shop/web.1', (connection) =>
      connection.socket.once('data', () => connection.reset()),
    );
    await harness.endpoint('shop/web.2', answering(ok()));
    const caller = await harness.caller();
    for (let round = 0; round < 4; round++) {
      caller.send(get());
      expect(await caller.message()).toMatch(/ok$/);
    }
  });

  it.each([
    ['a POST', request('POST', [])],
    ['a PUT with a body', request('PUT', ['Content-Length: 1'], 'a')],
    ['a PATCH', request('PATCH', [])],
  ])('never repeats %s', async (_, text) => {
    const [one, two] = [await harness.endpoint('shop/web.1'), await harness.endpoint('shop/web.2')];
    const caller = await harness.caller();
    caller.send(text);
    await eventually('one has it', () => one.connections.length + two.connections.length === 1);
    const instance = [...one.connections, ...two.connections][0];
    await instance?.until('\r\n\r\n');
    instance?.end();
    expect(await caller.message()).toMatch(/^HTTP\/1.1 502 [^]*closed the connection before it answered/);
    expect(one.connections.length + two.connections.length).toBe(1);
  });

  it('never repeats after a byte of a response', async () => {
    const [one, two] = [await harness.endpoint('shop/web.1'), await harness.endpoint('shop/web.2')];
    const caller = await harness.caller();
    caller.send(get());
    await eventually('one has it', () => one.connections.length + two.connections.length === 1);
    const instance = [...one.connections, ...two.connections][0];
    await instance?.message();
    instance?.send('H');
    instance?.end();
    expect(await caller.message()).toMatch(/^HTTP\/1.1 502 /);
    expect(one.connections.length + two.connections.length).toBe(1);
  });

  it('takes a new connection when a used one was closed meanwhile, and thinks no worse of the instance', async () => {
    const endpoint = await harness.endpoint();
    const callers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => harness.caller()));
    for (const caller of callers) caller.send(get());
    await eventually('all are there', () => endpoint.connections.length === 6);
    for (const connection of endpoint.connections) {
      await connection.message();
      connection.send(ok());
    }
    for (const caller of callers) await caller.message();
    // Each of the old ones hangs up on its next request.
    for (const connection of endpoint.connections) connection.socket.once('data', () => connection.reset());
    callers[0]?.send(get());
    await eventually('a new one is made', () => endpoint.connections.length === 7);
    const fresh = endpoint.connections[6];
    await fresh?.message();
    fresh?.send(ok('fresh'));
    expect(await callers[0]?.message()).toMatch(/fresh$/);
    expect(harness.proxy.stats().endpoints).toMatchObject([{ errors: 0, ejected: false }]);
  });

  it.each([
    ['is about to close', 'Keep-Alive: timeout=1'],
    ['closes', 'Connection: close'],
  ])('takes no connection that the instance %s, as it has said', async (_, field) => {
    const endpoint = await harness.endpoint('shop/web.1', answering(ok('', [field])));
    const caller = await harness.caller();
    for (let round = 1; round <= 3; round++) {
      caller.send(get());
      expect(await caller.message()).toMatch(/^HTTP\/1.1 200 /);
      expect(endpoint.connections).toHaveLength(round);
    }
  });
});

describe('ejection', () => {
  beforeEach(() => start({ ejectAfterFailures: 3, ejectStartMs: 60_000 }));

  it('leaves out an instance that answers 503 again and again', async () => {
    const bad = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nbad';
    let asked = 0;
    await harness.endpoint('shop/web.1', (connection) => {
      connection.socket.on('data', () => {
        asked++;
        connection.send(bad);
      });
    });
    await harness.endpoint('shop/web.2', answering(ok()));
    const caller = await harness.caller();
    for (let round = 0; round < 20; round++) {
      caller.send(get());
      await caller.message();
    }
    expect(asked).toBe(3);
    const [one, two] = harness.proxy.stats().endpoints;
    expect([one?.ejected, one?.errors, two?.ejected]).toEqual([true, 3, false]);
  });

  it('never leaves out all', async () => {
    await harness.endpoint(
      'shop/web.1',
      answering('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nbad'),
    );
    const caller = await harness.caller();
    for (let round = 0; round < 10; round++) {
      caller.send(get());
      expect(await caller.message()).toMatch(/bad$/);
    }
  });
});

describe('limits', () => {
  it('of all connections, told with 503', async () => {
    await start({ connections: 2 });
    const callers = [await harness.caller(), await harness.caller()];
    await eventually('both are there', () => harness.proxy.stats().connections === 2);
    const third = await harness.caller();
    const answer = await third.rest();
    expect(answer).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n[^]*retry-after: 1\r\n/);
    expect(answer).toContain('limit of 2 connections');
    third.end();
    callers[0]?.destroy();
    await eventually('there is room', () => harness.proxy.stats().connections === 1);
    await harness.endpoint('shop/web.1', answering(ok()));
    const fourth = await harness.caller();
    fourth.send(get());
    expect(await fourth.message()).toMatch(/ok$/);
  });

  it('of a caller', async () => {
    await start({ connectionsPerCaller: 1 });
    await harness.caller();
    const second = await harness.caller();
    expect(await second.rest()).toContain('127.0.0.1 is at its limit of 1 connections');
  });

  it('of an endpoint', async () => {
    await start({ connectionsPerEndpoint: 2, queueMs: 50 });
    const endpoint = await harness.endpoint();
    const callers = await Promise.all([1, 2, 3].map(() => harness.caller()));
    callers[0]?.send(get());
    callers[1]?.send(get());
    await eventually('both are there', () => endpoint.connections.length === 2);
    callers[2]?.send(get());
    const answer = await callers[2]?.message();
    expect(answer).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 1\r\n/);
    expect(answer).toContain('limit of 2 connections per endpoint');
    await endpoint.connections[0]?.message();
    endpoint.connections[0]?.send(ok());
    await eventually('one has been answered', () => callers.some((caller) => caller.text.endsWith('ok')));
    callers[2]?.send(get());
    await endpoint.connections[0]?.message();
    expect(endpoint.connections).toHaveLength(2);
  });

  it('a caller that goes away takes its request with it', async () => {
    await start();
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    caller.destroy();
    await instance.rest();
    expect(harness.proxy.stats().endpoints).toMatchObject([{ outstanding: 0, errors: 0 }]);
  });

  it('unused connections are closed, on both sides', async () => {
    await start({ callerIdleMs: 60, endpointIdleMs: 60 });
    const endpoint = await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(get());
    await caller.message();
    expect(await caller.rest()).toBe('');
    await endpoint.connections[0]?.rest();
  });
});
