import { CompactedError } from '../../base/errors';
import { SeededRandom } from '../../base/random';
import { formations, scales } from '../../resource/objects';
import type { Store } from '../store';
import { create, formation, Recorder, remove, scale, type StoreHarness, until, update } from './support';

export function watchesContract(harness: () => StoreHarness): void {
  let store: Store;
  let before: bigint;
  beforeEach(async () => {
    store = await harness().open();
    before = (await store.list(formations)).revision;
  });

  test('a watch gives what happens after its revision, in order, with the objects', async () => {
    const first = await store.commit([create(scales, scale('shop', 'v1', 1))]);
    const watch = new Recorder(store, { kinds: [scales], after: first });
    const second = await store.commit([update(scales, scale('shop', 'v1', 2), first)]);
    const third = await store.commit([remove(scales, scale('shop', 'v1'), second)]);
    await watch.reached(third);
    await watch.stop();
    expect(watch.log).toEqual(['put shop/v1', 'delete shop/v1']);
    expect(watch.changes[0]?.object).toEqual({
      ...scale('shop', 'v1', 2),
      metadata: { ...scale('shop', 'v1').metadata, revision: second },
    });
    expect(watch.changes[0]?.kind).toBe(scales);
  });

  test('a watch gives the past since its revision', async () => {
    let last = before;
    for (let count = 0; count < 50; count++)
      last = await store.commit([create(formations, formation(`f${count}`))]);
    const all = new Recorder(store, { kinds: [formations], after: before });
    const half = new Recorder(store, { kinds: [formations], after: last - 25n });
    await Promise.all([all.reached(last), half.reached(last)]);
    await Promise.all([all.stop(), half.stop()]);
    expect(all.log).toEqual(Array.from({ length: 50 }, (_, count) => `put /f${count}`));
    expect(half.log).toEqual(all.log.slice(25));
  });

  test('no batch ends within a transaction', async () => {
    let last = before;
    for (let round = 0; round < 30; round++)
      last = await store.commit(
        Array.from({ length: 40 }, (_, index) => create(scales, scale(`f${round}`, `v${index}`))),
      );
    const watch = new Recorder(store, { kinds: [scales], after: before });
    await watch.reached(last);
    await watch.stop();
    expect(watch.changes).toHaveLength(30 * 40);
    for (const batch of watch.batches) expect(batch.changes.length % 40).toBe(0);
  });

  test('a watch is about its kinds and its formation only, and says how far it has come', async () => {
    const kinds = [formations, scales];
    const both = new Recorder(store, { kinds, after: before });
    const one = new Recorder(store, { kinds: [scales], after: before, formation: 'shop' });
    await store.commit([create(formations, formation('shop')), create(scales, scale('shop', 'v1'))]);
    await store.commit([create(scales, scale('other', 'v1'))]);
    const last = await store.commit([create(formations, formation('other'))]);
    await Promise.all([both.reached(last), one.reached(last)]);
    await Promise.all([both.stop(), one.stop()]);
    expect(both.log).toEqual(['put /shop', 'put shop/v1', 'put other/v1', 'put /other']);
    expect(one.log).toEqual(['put shop/v1']);
  });

  test('a watch ends when its signal aborts', async () => {
    const watch = new Recorder(store, { kinds: [formations], after: before });
    await watch.reached(await store.commit([create(formations, formation('a'))]));
    await watch.stop();
    expect(watch.error).toBeUndefined();
  });

  test('a watch ends when the store is closed', async () => {
    const other = await harness().open();
    const watch = new Recorder(other, { kinds: [formations], after: before });
    await watch.reached(await store.commit([create(formations, formation('a'))]));
    await other.close();
    await until('the watch ends', () => watch.ended);
    expect(watch.error).toBeUndefined();
  });

  test('a watch from a compacted revision says to list again', async () => {
    for (const name of ['a', 'b', 'c']) await store.commit([create(formations, formation(name))]);
    const { revision } = await store.list(formations);
    await harness().compact(revision);
    const old = new Recorder(store, { kinds: [formations], after: revision - 1n });
    await until('the watch ends', () => old.ended);
    expect(old.error).toBeInstanceOf(CompactedError);
    const next = new Recorder(store, { kinds: [formations], after: revision });
    await next.reached(await store.commit([create(formations, formation('d'))]));
    await next.stop();
    expect(next.log).toEqual(['put /d']);
  });

  test('a deletion right after the revision of a watch is not lost when it is compacted', async () => {
    const first = await store.commit([create(formations, formation('a'))]);
    const second = await store.commit([remove(formations, formation('a'), first)]);
    await harness().compact(second);
    const watch = new Recorder(store, { kinds: [formations], after: first });
    await until('the watch says something', () => watch.ended || watch.changes.length > 0);
    await watch.stop();
    if (!watch.error) expect(watch.log).toEqual(['delete /a']);
    else expect(watch.error).toBeInstanceOf(CompactedError);
  });

  test('a live watch goes on over a compaction', async () => {
    const watch = new Recorder(store, { kinds: [formations], after: before });
    for (let count = 0; count < 20; count++) {
      const revision = await store.commit([create(formations, formation(`f${count}`))]);
      await watch.reached(revision);
      await harness().compact(revision);
    }
    await watch.stop();
    expect(watch.error).toBeUndefined();
    expect(watch.log).toEqual(Array.from({ length: 20 }, (_, count) => `put /f${count}`));
  });

  test('a watch from a revision that the store has never had says to list again', async () => {
    const watch = new Recorder(store, { kinds: [formations], after: before + 1_000_000n });
    await until('the watch ends', () => watch.ended);
    expect(watch.error).toBeInstanceOf(CompactedError);
  });

  test('invariant 8: a watcher sees every change or is told to relist', async () => {
    const random = new SeededRandom(8);
    const stop = new AbortController();
    const mirror = new Map<string, bigint>();
    let reached = -1n;
    const follow = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const { items, revision } = await store.list(scales);
        mirror.clear();
        for (const { metadata } of items) mirror.set(metadata.name, metadata.revision);
        reached = revision;
        try {
          for await (const batch of store.watch({ kinds: [scales], after: revision }, stop.signal)) {
            for (const { key, object } of batch.changes)
              if (object) mirror.set(key.name, object.metadata.revision);
              else mirror.delete(key.name);
            reached = batch.revision;
          }
        } catch (error) {
          if (!(error instanceof CompactedError)) throw error;
        }
      }
    };
    const following = follow();
    const truth = new Map<string, bigint>();
    let last = before;
    for (let step = 0; step < 200; step++) {
      const name = `v${Math.floor(random.next() * 10)}`;
      const revision = truth.get(name);
      if (revision === undefined) last = await store.commit([create(scales, scale('shop', name, step))]);
      else if (random.next() < 0.5)
        last = await store.commit([update(scales, scale('shop', name, step), revision)]);
      else {
        last = await store.commit([remove(scales, scale('shop', name), revision)]);
        truth.delete(name);
        continue;
      }
      truth.set(name, last);
      if (random.next() < 0.1) await harness().compact(last);
    }
    await until('the watcher has come to the end', () => reached >= last);
    stop.abort();
    await following;
    expect(new Map([...mirror].sort())).toEqual(new Map([...truth].sort()));
  });
}
