import { answering, eventually, get, ok, ProxyHarness, request } from '../testing/proxy-harness';

let harness: ProxyHarness;

beforeEach(async () => {
  harness = await ProxyHarness.start({ tunnelDrainMs: 150 });
});
afterEach(() => harness.end());

/** Whether it has resolved by now. */
function watched(promise: Promise<void>): { done: boolean; promise: Promise<void> } {
  const state = { done: false, promise };
  void promise.then(() => (state.done = true));
  return state;
}

describe('invariant 7: a withdrawn instance', () => {
  it('gets nothing new, is waited for, and then confirmed', async () => {
    // A request is waited for for longer than tunnels are.
    await harness.end();
    harness = await ProxyHarness.start({ tunnelDrainMs: 1 });
    const [old, next] = [
      await harness.endpoint('shop/web.1'),
      await harness.endpoint('shop/web.2', answering(ok('next'))),
    ];
    const caller = await harness.caller();
    caller.send(get([], 'http://1.web.shop.service/'));
    const instance = await old.accepted();
    await instance.message();
    const withdrawn = watched(harness.registry.remove('shop/web.1'));
    const other = await harness.caller();
    for (let round = 0; round < 10; round++) {
      other.send(get());
      expect(await other.message()).toMatch(/next$/);
    }
    expect(withdrawn.done).toBe(false);
    instance.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    await caller.until('1\r\na\r\n');
    expect(withdrawn.done).toBe(false);
    instance.send('0\r\n\r\n');
    await caller.until('0\r\n\r\n');
    await withdrawn.promise;
    // Its connection is of no use any more.
    await instance.rest();
    expect(old.connections).toHaveLength(1);
    expect(next.connections.length).toBeGreaterThan(0);
  });

  it('loses its unused connections at once', async () => {
    const endpoint = await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(get());
    await caller.message();
    await harness.registry.remove('shop/web.1');
    await endpoint.connections[0]?.rest();
  });

  it('is not waited for for ever where tunnels lead to it; they live on', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send('CONNECT web.shop.service:80 HTTP/1.1\r\nHost: a\r\n\r\n');
    await caller.until('\r\n\r\n');
    const instance = await endpoint.accepted();
    const before = performance.now();
    await harness.registry.remove('shop/web.1');
    expect(performance.now() - before).toBeGreaterThan(140);
    caller.send('alive');
    await instance.until('alive');
  });

  it('is confirmed as soon as its tunnels have ended', async () => {
    await harness.end();
    harness = await ProxyHarness.start({ tunnelDrainMs: 60_000 });
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send('CONNECT web.shop.service:80 HTTP/1.1\r\nHost: a\r\n\r\n');
    await caller.until('\r\n\r\n');
    await endpoint.accepted();
    const withdrawn = watched(harness.registry.remove('shop/web.1'));
    caller.reset();
    await withdrawn.promise;
  });

  it('may come back at the same place', async () => {
    const endpoint = await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    for (let round = 0; round < 3; round++) {
      caller.send(get());
      expect(await caller.message()).toMatch(/ok$/);
      await harness.registry.remove('shop/web.1');
      caller.send(get());
      expect(await caller.message()).toMatch(/^HTTP\/1.1 503 /);
      await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: endpoint.port });
    }
    expect(endpoint.connections).toHaveLength(3);
  });

  it('that only says something else of itself is not interrupted', async () => {
    const endpoint = await harness.endpoint('shop/web.1', answering(ok()));
    const caller = await harness.caller();
    caller.send(get());
    await caller.message();
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: endpoint.port, note: 'changed' });
    caller.send(get());
    await caller.message();
    expect(endpoint.connections).toHaveLength(1);
  });

  it('drops no request of many, over and over', async () => {
    const callers = await Promise.all(Array.from({ length: 8 }, () => harness.caller()));
    const servers = [
      await harness.endpoint('shop/web.1', answering(ok())),
      await harness.endpoint('shop/web.2', answering(ok())),
    ];
    let running = true;
    let sent = 0;
    const load = callers.map(async (caller, index) => {
      while (running) {
        caller.send(index % 2 === 0 ? get() : request('POST', ['Content-Length: 0']));
        expect(await caller.message()).toMatch(/^HTTP\/1.1 200 /);
        sent++;
      }
    });
    for (let round = 0; round < 20; round++) {
      const path = round % 2 === 0 ? 'shop/web.1' : 'shop/web.2';
      await harness.registry.remove(path);
      // What an app does that exits at once.
      await servers[round % 2]?.close();
      servers[round % 2] = await harness.endpoint(path, answering(ok()));
      const before = sent;
      await eventually('requests go on', () => sent > before + 20);
    }
    running = false;
    await Promise.all(load);
    expect(sent).toBeGreaterThan(400);
  });
});

describe('closing', () => {
  it('waits for what is under way', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    const instance = await endpoint.accepted();
    await instance.message();
    const closed = watched(harness.proxy.close(5_000));
    instance.send(ok());
    expect(await caller.message()).toMatch(/ok$/);
    await closed.promise;
    await caller.rest();
  });

  it('ends what does not end', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(get());
    await (await endpoint.accepted()).message();
    await harness.proxy.close();
    await caller.rest();
  });
});
