import { Etcd3 } from 'etcd3';
import { PreconditionError, UnavailableError } from '../../base/errors';
import { scales } from '../../resource/objects';
import { EtcdProcess } from '../../testing/etcd-process';
import { freePort, TcpProxy } from '../../testing/tcp-proxy';
import { clock, create, Recorder, scale, until } from '../contract/support';
import { EtcdHarness } from './etcd-harness';

jest.setTimeout(30_000);

describe('EtcdStore over an etcd that is away', () => {
  const key = { formation: 'shop', name: 'v1' };
  let etcd: EtcdProcess;
  let harness: EtcdHarness;
  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  }, 60_000);
  afterAll(() => etcd.stop());
  beforeEach(() => (harness = new EtcdHarness(etcd)));
  afterEach(() => harness.close());

  async function timed(call: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
    const startedAt = clock.monotonic();
    const error: unknown = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { error, tookMs: clock.monotonic() - startedAt };
  }

  test('a killed and restarted etcd: calls fail fast meanwhile, nothing is lost, all goes on by itself', async () => {
    const store = await harness.open();
    const first = await store.commit([create(scales, scale('shop', 'v1', 1))]);
    const watch = new Recorder(store, { kinds: [scales], after: first });
    const lease = await store.lease(60_000);
    await store.commit([{ op: 'create', kind: scales, object: scale('shop', 'v2'), lease }]);

    await etcd.kill();
    for (const call of [
      store.get(scales, key),
      store.list(scales),
      store.commit([create(scales, scale('shop', 'v3'))]),
    ]) {
      const { error, tookMs } = await timed(call);
      expect(error).toBeInstanceOf(UnavailableError);
      expect(String(error)).toContain(`etcd does not answer at ${etcd.endpoint}`);
      expect(tookMs).toBeLessThan(4000);
    }

    await etcd.restart();
    const back = clock.monotonic();
    await until('the store answers', () =>
      store.get(scales, key).then(
        () => true,
        () => false,
      ),
    );
    expect(clock.monotonic() - back).toBeLessThan(5000);
    const last = await store.commit([create(scales, scale('shop', 'v4'))]);
    await watch.reached(last);
    await watch.stop();
    expect(watch.log).toEqual(['put shop/v2', 'put shop/v4']);
    expect((await store.list(scales)).items).toHaveLength(3);
    expect(lease.lost.aborted).toBe(false);
    await lease.revoke();
    expect((await store.list(scales)).items).toHaveLength(2);
  }, 40_000);

  test('opening says who does not answer', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const { error, tookMs } = await timed(new EtcdHarness(etcd, nobody).open());
    expect(error).toBeInstanceOf(UnavailableError);
    expect(String(error)).toMatch(`etcd does not answer at ${nobody}`);
    expect(String(error)).not.toContain('\n');
    expect(tookMs).toBeLessThan(4000);
  });

  test('opening into a black hole fails in time', async () => {
    const proxy = await TcpProxy.start(etcd.port);
    proxy.stall();
    const { error, tookMs } = await timed(new EtcdHarness(etcd, proxy.endpoint).open());
    expect(error).toBeInstanceOf(UnavailableError);
    expect(tookMs).toBeLessThan(5000);
    await proxy.close();
  });

  test('a call can be cancelled', async () => {
    const proxy = await TcpProxy.start(etcd.port);
    const behind = new EtcdHarness(etcd, proxy.endpoint);
    const store = await behind.open();
    proxy.stall();
    const stop = new AbortController();
    const read = timed(store.get(scales, key, stop.signal));
    stop.abort();
    expect((await read).tookMs).toBeLessThan(1000);
    expect(String((await read).error)).toContain('cancelled');
    await behind.close();
    await proxy.close();
  });

  test.each([
    ['0', /has data of version 0, this Gilliam needs 1: run the older Gilliam/],
    ['2', /has data of version 2, this Gilliam knows 1: install the newer Gilliam/],
    ['x', /"x" at \/gilliam\/test-\d+\/meta\/data-version is no data version/],
  ])('data of version %s are refused, with what to do', async (version, message) => {
    const client = new Etcd3({ hosts: `http://${etcd.endpoint}` });
    await client.put(`/gilliam/${harness.stage}/meta/data-version`).value(version);
    client.close();
    const { error } = await timed(harness.open());
    expect(error).toBeInstanceOf(PreconditionError);
    expect(String(error)).toMatch(message);
  });

  test('a new stage is marked with the data version', async () => {
    await harness.open();
    const client = new Etcd3({ hosts: `http://${etcd.endpoint}` });
    expect(await client.get(`/gilliam/${harness.stage}/meta/data-version`).string()).toBe('1');
    client.close();
    await harness.open();
  });
});
