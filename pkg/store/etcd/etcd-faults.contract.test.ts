import { sleep } from '../../base/clock';
import { CompactedError, ConflictError, ExistsError, UnavailableError } from '../../base/errors';
import { formations, scales } from '../../resource/objects';
import { EtcdProcess } from '../../testing/etcd-process';
import { TcpProxy } from '../../testing/tcp-proxy';
import { clock, create, formation, Recorder, remove, scale, until, update } from '../contract/support';
import { FencedError } from '../errors';
import type { Lease } from '../store';
import { Term } from '../term';
import { EtcdHarness } from './etcd-harness';
import type { EtcdStore } from './etcd-store';

jest.setTimeout(30_000);

describe('EtcdStore over a network that misbehaves', () => {
  const key = { formation: 'shop', name: 'v1' };
  let etcd: EtcdProcess;
  let proxy: TcpProxy;
  let harness: EtcdHarness;
  let direct: EtcdHarness;
  /** Over the proxy. */
  let store: EtcdStore;
  /** Straight to etcd: what is true. */
  let truth: EtcdStore;

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  }, 60_000);
  afterAll(() => etcd.stop());
  beforeEach(async () => {
    proxy = await TcpProxy.start(etcd.port);
    harness = new EtcdHarness(etcd, proxy.endpoint);
    direct = new EtcdHarness(etcd, etcd.endpoint, harness.stage);
    store = await harness.open({ callTimeoutMs: 1000 });
    truth = await direct.open();
  });
  afterEach(async () => {
    await harness.close();
    await direct.close();
    await proxy.close();
  });

  const factor = async () => (await truth.get(scales, key))?.spec.factors['web'];

  /** Makes the call while replies are lost; `applied` tells when etcd has done its part. */
  async function withLostReply<T>(
    call: () => Promise<T>,
    applied: () => boolean | Promise<boolean>,
  ): Promise<T> {
    proxy.dropReplies();
    const result = call();
    result.catch(() => {});
    await until('etcd has answered', async () => proxy.droppedBytes > 0 && (await applied()));
    proxy.forward();
    return result;
  }

  describe('a reply that is lost', () => {
    test('a create that was applied is reported as applied', async () => {
      const revision = await withLostReply(
        () => store.commit([create(scales, scale('shop', 'v1', 1)), create(formations, formation('shop'))]),
        async () => (await factor()) === 1,
      );
      expect((await truth.get(scales, key))?.metadata.revision).toBe(revision);
      expect(await store.get(scales, key)).toEqual(await truth.get(scales, key));
    });

    test('an update is reported as applied, and was applied once', async () => {
      const first = await truth.commit([create(scales, scale('shop', 'v1', 1))]);
      const second = await withLostReply(
        () => store.commit([update(scales, scale('shop', 'v1', 2), first)]),
        async () => (await factor()) === 2,
      );
      expect((await truth.get(scales, key))?.metadata.revision).toBe(second);
      const watch = new Recorder(truth, { kinds: [scales], after: first });
      await watch.reached(await truth.commit([create(formations, formation('end'))]));
      await watch.stop();
      expect(watch.log).toEqual(['put shop/v1']);
    });

    test('an update that others have built upon since is reported as applied, at its own revision', async () => {
      const first = await truth.commit([create(scales, scale('shop', 'v1', 1))]);
      let second = 0n;
      const reported = await withLostReply(
        () => store.commit([update(scales, scale('shop', 'v1', 2), first)]),
        async () => {
          if ((await factor()) !== 2) return false;
          second = (await truth.get(scales, key))?.metadata.revision ?? 0n;
          const third = await truth.commit([update(scales, scale('shop', 'v1', 3), second)]);
          await truth.commit([update(scales, scale('shop', 'v1', 4), third)]);
          return true;
        },
      );
      expect(reported).toBe(second);
      expect(await factor()).toBe(4);
    });

    test('a delete that was applied is reported as applied', async () => {
      const first = await truth.commit([create(scales, scale('shop', 'v1', 1))]);
      const revision = await withLostReply(
        () => store.commit([remove(scales, scale('shop', 'v1'), first)]),
        async () => (await factor()) === undefined,
      );
      expect(revision).toBeGreaterThan(first);
    });

    test('invariant 5: what was refused is reported as refused', async () => {
      const first = await truth.commit([create(scales, scale('shop', 'v1', 1))]);
      await truth.commit([update(scales, scale('shop', 'v1', 2), first)]);
      const conflicting = () => store.commit([update(scales, scale('shop', 'v1', 3), first)]);
      await expect(withLostReply(conflicting, () => true)).rejects.toThrow(ConflictError);
      const existing = () => store.commit([create(scales, scale('shop', 'v1', 3))]);
      await expect(withLostReply(existing, () => true)).rejects.toThrow(ExistsError);
      expect(await factor()).toBe(2);
    });

    test('what never arrived is reported as unavailable, and is not applied', async () => {
      proxy.stall();
      const startedAt = clock.monotonic();
      await expect(store.commit([create(scales, scale('shop', 'v1', 1))])).rejects.toThrow(UnavailableError);
      expect(clock.monotonic() - startedAt).toBeLessThan(5000);
      proxy.cut();
      proxy.forward();
      expect(await factor()).toBeUndefined();
      await store.commit([create(scales, scale('shop', 'v1', 1))]);
    });
  });

  describe('watches', () => {
    test('invariant 8: a watch cut while it catches up on 5,000 events sees each once, in order', async () => {
      const { revision } = await truth.list(scales);
      const count = 5000;
      const lanes = 50;
      let last = 0n;
      await Promise.all(
        Array.from({ length: lanes }, async (_, lane) => {
          for (let index = lane; index < count; index += lanes)
            last = await truth.commit([create(scales, scale('shop', `v${index}`))]);
        }),
      );
      const before = proxy.accepted;
      proxy.cutAfter(100_000);
      const watch = new Recorder(store, { kinds: [scales], after: revision });
      await watch.reached(last, 20_000);
      await watch.stop();
      const revisions = watch.changes.map((change) => change.object?.metadata.revision ?? 0n);
      expect(new Set(watch.log).size).toBe(count);
      expect(revisions).toHaveLength(count);
      expect(revisions.every((at, index) => index === 0 || at > (revisions[index - 1] as bigint))).toBe(true);
      expect(proxy.accepted - before).toBeGreaterThanOrEqual(4);
    }, 60_000);

    test('a watch that is cut again and again misses nothing', async () => {
      const { revision } = await truth.list(scales);
      const watch = new Recorder(store, { kinds: [scales], after: revision });
      let last = 0n;
      for (let index = 0; index < 60; index++) {
        last = await truth.commit([create(scales, scale('shop', `v${index}`))]);
        if (index % 10 === 0) proxy.cut();
      }
      await watch.reached(last);
      await watch.stop();
      expect(watch.log).toEqual(Array.from({ length: 60 }, (_, index) => `put shop/v${index}`));
    });

    test('a watch whose next revision was compacted while it was cut off says to list again', async () => {
      const watch = new Recorder(store, { kinds: [scales], after: (await truth.list(scales)).revision });
      await watch.reached(await truth.commit([create(scales, scale('shop', 'v1'))]));
      proxy.refuse();
      await truth.commit([create(scales, scale('shop', 'v2'))]);
      await direct.compact(await truth.commit([create(scales, scale('shop', 'v3'))]));
      proxy.forward();
      await until('the watch ends', () => watch.ended);
      expect(watch.error).toBeInstanceOf(CompactedError);
      expect(watch.log).toEqual(['put shop/v1']);
    });

    test('a watch in a black hole goes on when the network does', async () => {
      const watch = new Recorder(store, { kinds: [scales], after: (await truth.list(scales)).revision });
      await watch.reached(await truth.commit([create(scales, scale('shop', 'v1'))]));
      proxy.stall();
      const last = await truth.commit([create(scales, scale('shop', 'v2'))]);
      // Without an answer the client gives its connections up.
      await expect(store.get(scales, key)).rejects.toThrow(UnavailableError);
      proxy.forward();
      await watch.reached(last);
      await watch.stop();
      expect(watch.log).toEqual(['put shop/v1', 'put shop/v2']);
    });
  });

  describe('leases and leaders', () => {
    test('a lease whose renewals are not answered is lost to its holder before its objects go', async () => {
      const lease = await store.lease(1500);
      await store.commit([{ op: 'create', kind: scales, object: scale('shop', 'v1'), lease }]);
      let thereWhenLost: Promise<boolean> | undefined;
      lease.lost.addEventListener('abort', () => {
        thereWhenLost = truth.get(scales, key).then((object) => object !== undefined);
      });
      proxy.stall();
      await until('the object goes', async () => !(await truth.get(scales, key)));
      expect(await thereWhenLost).toBe(true);
    });

    test('a lease survives connections that break', async () => {
      const lease = await store.lease(3000);
      for (let round = 0; round < 8; round++) {
        proxy.cut();
        await sleep(clock, 500);
      }
      expect(lease.lost.aborted).toBe(false);
      await lease.revoke();
    });

    test('a lease that etcd has expired is lost', async () => {
      const lease = await store.lease(60_000);
      await truth.commit([{ op: 'create', kind: scales, object: scale('shop', 'v1'), lease }]);
      await revokeBehindItsBack(truth, lease);
      await expect(
        store.commit([{ op: 'create', kind: formations, object: formation('a'), lease }]),
      ).rejects.toThrow(FencedError);
      expect(await factor()).toBeUndefined();
    });

    test('invariant 9: a deposed leader changes nothing', async () => {
      const stop = new AbortController();
      const patient = await harness.open({ callTimeoutMs: 20_000 });
      const first = await patient.campaign('controllers', 'one', 1500, stop.signal);
      const candidacy = truth.campaign('controllers', 'two', 1500, stop.signal);
      const order: string[] = [];
      first.lost.addEventListener('abort', () => order.push('one steps down'));
      const elected = candidacy.then((leadership) => {
        order.push('two leads');
        return leadership;
      });

      proxy.stall();
      // Sent while it leads, on its way until it does not.
      const late = patient.commit(
        [create(scales, scale('shop', 'v1'))],
        [{ guard: 'leadership', leadership: first }],
      );
      late.catch(() => {});
      const second = await elected;
      expect(order).toEqual(['one steps down', 'two leads']);
      expect(second.term).toBeGreaterThan(first.term);

      proxy.forward();
      const error: unknown = await late.catch((reason: unknown) => reason);
      expect(error instanceof FencedError || error instanceof UnavailableError).toBe(true);
      expect(await truth.get(scales, key)).toBeUndefined();

      // Nor does a leader that has not noticed: etcd itself refuses.
      const { path, term } = first as Term;
      const unaware = new Term('controllers', 'one', term, path, await patient.lease(60_000));
      const write = () =>
        patient.commit([create(scales, scale('shop', 'v1'))], [{ guard: 'leadership', leadership: unaware }]);
      await expect(write()).rejects.toThrow(FencedError);
      expect(unaware.lost.aborted).toBe(true);
      expect(await truth.get(scales, key)).toBeUndefined();
      await truth.commit(
        [create(scales, scale('shop', 'v1'))],
        [{ guard: 'leadership', leadership: second }],
      );
      await second.resign();
    }, 30_000);
  });

  async function revokeBehindItsBack(other: EtcdStore, lease: Lease): Promise<void> {
    const { Etcd3 } = await import('etcd3');
    const client = new Etcd3({ hosts: `http://${etcd.endpoint}` });
    await client.leaseClient.leaseRevoke({ ID: lease.id });
    client.close();
    await until('the lease is gone', async () => !(await other.get(scales, key)));
  }
});
