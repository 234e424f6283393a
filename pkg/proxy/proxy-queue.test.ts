import { answering, eventually, get, ok, ProxyHarness, request } from '../testing/proxy-harness';

let harness: ProxyHarness;
afterEach(() => harness.end());

const start = async (...given: Parameters<typeof ProxyHarness.start>) => {
  harness = await ProxyHarness.start(...given);
};

const connect = 'CONNECT web.shop.service:80 HTTP/1.1\r\nHost: web.shop.service\r\n\r\n';

/** Callers that have each sent a request, in this order. */
async function ask(count: number, text = get()) {
  const callers = [];
  for (let index = 0; index < count; index++) {
    const caller = await harness.caller();
    caller.send(text);
    callers.push(caller);
  }
  return callers;
}

describe('requests to a service that takes no more connections', () => {
  it('wait their turn, first come first served', async () => {
    await start({ connectionsPerEndpoint: 1, queueMs: 5_000 });
    const endpoint = await harness.endpoint();
    const [first] = await ask(1, get([], 'http://web.shop.service/first'));
    const instance = await endpoint.accepted();
    expect(await instance.message()).toContain('GET /first');
    const [second] = await ask(1, get([], 'http://web.shop.service/second'));
    await eventually('it waits', () => harness.proxy.stats().queued === 1);
    const [third] = await ask(1, get([], 'http://web.shop.service/third'));
    await eventually('it waits', () => harness.proxy.stats().queued === 2);
    for (const [caller, next] of [
      [first, 'GET /second'],
      [second, 'GET /third'],
      [third, ''],
    ] as const) {
      instance.send(ok());
      expect(await caller?.message()).toMatch(/ok$/);
      if (next) expect(await instance.message()).toContain(next);
    }
    expect(harness.proxy.stats().queued).toBe(0);
    expect(endpoint.connections).toHaveLength(1);
  });

  it('go to an instance that is announced meanwhile', async () => {
    await start({ connectionsPerEndpoint: 1, queueMs: 5_000 });
    const full = await harness.endpoint();
    await ask(1);
    await full.accepted();
    const [second] = await ask(1, request('POST', ['Content-Length: 4'], 'body'));
    await eventually('it waits', () => harness.proxy.stats().queued === 1);
    await harness.endpoint('shop/web.2', answering(ok()));
    expect(await second?.message()).toMatch(/ok$/);
  });

  it('are told so after a while that is stated', async () => {
    await start({ connectionsPerEndpoint: 1, queueMs: 60 });
    const endpoint = await harness.endpoint();
    await ask(1);
    await endpoint.accepted();
    const [second] = await ask(1);
    const answer = await second?.message();
    expect(answer).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 1\r\n/);
    expect(answer).toContain(
      'web.shop.service was at its limit of 1 connections per endpoint for 60 ms: try again',
    );
  });

  it('are told so at once where too many wait', async () => {
    await start({ connectionsPerEndpoint: 1, queueMs: 5_000, queued: 1 });
    const endpoint = await harness.endpoint();
    await ask(1);
    await endpoint.accepted();
    await ask(1);
    await eventually('it waits', () => harness.proxy.stats().queued === 1);
    const [third] = await ask(1);
    expect(await third?.message()).toMatch(/^HTTP\/1.1 503 [^]*and 1 requests wait already/);
  });

  it.each(['a request', 'CONNECT'])('are forgotten when their caller goes: %s', async (what) => {
    await start({ connectionsPerEndpoint: 1, queueMs: 60_000 });
    const endpoint = await harness.endpoint();
    await ask(1);
    await endpoint.accepted();
    const [second] = await ask(1, what === 'CONNECT' ? connect : undefined);
    await eventually('it waits', () => harness.proxy.stats().queued === 1);
    second?.destroy();
    await eventually('it is forgotten', () => harness.proxy.stats().queued === 0);
  });

  it('wait with CONNECT, too', async () => {
    await start({ connectionsPerEndpoint: 1, queueMs: 5_000 });
    const endpoint = await harness.endpoint();
    const [first] = await ask(1);
    const instance = await endpoint.accepted();
    await instance.message();
    const [second] = await ask(1, connect);
    await eventually('it waits', () => harness.proxy.stats().queued === 1);
    instance.send(ok('ok', ['Connection: close']));
    await first?.message();
    instance.end();
    expect(await second?.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
    expect(harness.proxy.stats().queued).toBe(0);
  });
});

describe('requests to a service that is scaled to none, and wakes', () => {
  const held = {
    held: ({ service, formation }: { service: string; formation: string }) =>
      `${service}.${formation}` === 'web.shop',
  };
  const line = () => harness.traffic.lines().find(({ release }) => release === '');

  it('are held until it has an instance, and their demand is told', async () => {
    await start({}, undefined, held);
    const callers = await ask(2);
    callers.push(...(await ask(1, 'CONNECT web.shop.service:80 HTTP/1.1\r\nHost: web.shop.service\r\n\r\n')));
    await eventually('they are held', () => line()?.waiting === 3);
    expect(line()).toMatchObject({ formation: 'shop', service: 'web', requests: 0 });
    const { port } = await harness.endpoint('shop/worker.1', answering(ok()));
    await harness.registry.put('shop/web.1', {
      host: '127.0.0.1',
      port,
      ports: { '80': port },
      release: 'v1',
    });
    expect(await callers[0]?.message()).toMatch(/ok$/);
    expect(await callers[1]?.message()).toMatch(/ok$/);
    expect(await callers[2]?.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
    expect(line()).toMatchObject({ waiting: 0, requests: 3, errors: 0 });
  });

  it('are held by the short name, too', async () => {
    await start({}, undefined, held);
    harness.registry.setIdentity('127.0.0.1', 'shop/worker.1');
    const [caller] = await ask(1, get([], 'http://web/'));
    await eventually('it is held', () => line()?.waiting === 1);
    await harness.endpoint('shop/web.1', answering(ok()));
    expect(await caller?.message()).toMatch(/ok$/);
  });

  it('are told so when it does not wake in time', async () => {
    await start({ holdMs: 60 }, undefined, held);
    const [caller] = await ask(1);
    const answer = await caller?.message();
    expect(answer).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 1\r\n/);
    expect(answer).toContain('no instance of web.shop.service has come up within 60 ms');
    expect(line()).toMatchObject({ waiting: 0, requests: 1, errors: 1 });
  });

  it('are told so at once where too many are held; and those whose callers go make room', async () => {
    await start({ held: 1 }, undefined, held);
    const [first] = await ask(1);
    await eventually('it is held', () => line()?.waiting === 1);
    const [second] = await ask(1);
    expect(await second?.message()).toMatch(/^HTTP\/1.1 503 [^]*and 1 requests are held already/);
    first?.destroy();
    await eventually('it is not held any more', () => line()?.waiting === 0);
    await ask(1);
    await eventually('there is room', () => line()?.waiting === 1);
  });

  it('are not held for one instance, nor for one release', async () => {
    await start({}, undefined, held);
    for (const name of ['1.web.shop.service', 'v2.web.shop.service']) {
      const [caller] = await ask(1, get([], `http://${name}/`));
      expect(await caller?.message()).toMatch(/^HTTP\/1.1 (404|503) /);
    }
  });
});
