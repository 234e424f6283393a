import { sleep } from '../../base/clock';
import { formations, scales } from '../../resource/objects';
import { FencedError } from '../errors';
import type { Store } from '../store';
import { clock, create, formation, Recorder, scale, type StoreHarness, until, update } from './support';

export function leasesContract(harness: () => StoreHarness): void {
  let store: Store;
  const key = { formation: 'shop', name: 'v1' };
  beforeEach(async () => {
    store = await harness().open();
  });

  test('a lease keeps its objects beyond its time to live', async () => {
    const lease = await store.lease(harness().ttlMs);
    await store.commit([{ op: 'create', kind: scales, object: scale('shop', 'v1'), lease }]);
    await sleep(clock, harness().ttlMs * 2);
    expect(lease.lost.aborted).toBe(false);
    expect(await store.get(scales, key)).toBeDefined();
    await lease.revoke();
  });

  test('a revoked lease takes its objects along at once, in one transaction that watchers see', async () => {
    const lease = await store.lease(60_000);
    const revision = await store.commit([
      { op: 'create', kind: scales, object: scale('shop', 'v1'), lease },
      { op: 'create', kind: scales, object: scale('shop', 'v2'), lease },
      create(scales, scale('shop', 'v3')),
    ]);
    const watch = new Recorder(store, { kinds: [scales], after: revision });
    await lease.revoke();
    expect(lease.lost.aborted).toBe(true);
    expect((await store.list(scales)).items).toHaveLength(1);
    await watch.reached(revision + 1n);
    await watch.stop();
    expect([...watch.log].sort()).toEqual(['delete shop/v1', 'delete shop/v2']);
    expect(watch.batches.filter((batch) => batch.changes.length > 0)).toHaveLength(1);
  });

  test('an object written again without its lease stays', async () => {
    const lease = await store.lease(60_000);
    const revision = await store.commit([{ op: 'create', kind: scales, object: scale('shop', 'v1'), lease }]);
    await store.commit([update(scales, scale('shop', 'v1', 1), revision)]);
    await lease.revoke();
    expect(await store.get(scales, key)).toBeDefined();
  });

  test('a lease that is no longer renewed is lost to its holder first, and then its objects go', async () => {
    const { ttlMs } = harness();
    const lease = await store.lease(ttlMs);
    await store.commit([{ op: 'create', kind: scales, object: scale('shop', 'v1'), lease }]);
    lease.dispose();
    expect(lease.lost.aborted).toBe(true);
    expect(await store.get(scales, key)).toBeDefined();
    await until('the object goes', async () => !(await store.get(scales, key)), ttlMs * 5 + 2000);
  });

  test('a write under a lease that is over is refused', async () => {
    const lease = await store.lease(60_000);
    await lease.revoke();
    const write = store.commit([{ op: 'create', kind: formations, object: formation('a'), lease }]);
    await expect(write).rejects.toThrow(FencedError);
    // Nor is it taken by a store that only knows the lease's id.
    const unaware = {
      ...lease,
      id: lease.id,
      lost: new AbortController().signal,
      dispose() {},
      revoke: async () => {},
    };
    const late = store.commit([{ op: 'create', kind: formations, object: formation('a'), lease: unaware }]);
    await expect(late).rejects.toThrow(FencedError);
    expect(await store.get(formations, { formation: '', name: 'a' })).toBeUndefined();
  });
}
