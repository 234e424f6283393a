import { ConflictError, ExistsError, InternalError, InvalidError } from '../../base/errors';
import { formations, scales } from '../../resource/objects';
import type { Store } from '../store';
import { create, formation, remove, scale, type StoreHarness, update } from './support';

export function transactionsContract(harness: () => StoreHarness): void {
  let store: Store;
  const factor = async (name = 'v1') =>
    (await store.get(scales, { formation: 'shop', name }))?.spec.factors['web'];

  beforeEach(async () => {
    store = await harness().open();
  });

  test('creating what exists is refused, by name', async () => {
    await store.commit([create(scales, scale('shop', 'v1', 1))]);
    const again = store.commit([create(scales, scale('shop', 'v1', 2))]);
    await expect(again).rejects.toThrow(ExistsError);
    await expect(again).rejects.toThrow('Scale shop/v1 exists');
    expect(await factor()).toBe(1);
  });

  test('invariant 5: a conflicting update is refused, by name and revisions', async () => {
    const first = await store.commit([create(scales, scale('shop', 'v1', 1))]);
    const second = await store.commit([update(scales, scale('shop', 'v1', 2), first)]);
    const stale = store.commit([update(scales, scale('shop', 'v1', 3), first)]);
    await expect(stale).rejects.toThrow(ConflictError);
    await expect(stale).rejects.toThrow(`Scale shop/v1 has changed, from revision ${first} to ${second}`);
    expect(await factor()).toBe(2);
  });

  test('updating and deleting what is gone, or was never there, is refused', async () => {
    const first = await store.commit([create(scales, scale('shop', 'v1'))]);
    await store.commit([remove(scales, scale('shop', 'v1'), first)]);
    for (const revision of [first, 0n, -1n]) {
      await expect(store.commit([update(scales, scale('shop', 'v1'), revision)])).rejects.toThrow(
        ConflictError,
      );
      await expect(store.commit([remove(scales, scale('shop', 'v1'), revision)])).rejects.toThrow(
        ConflictError,
      );
    }
    await expect(store.commit([update(scales, scale('shop', 'v1'), first)])).rejects.toThrow('is gone');
    expect(await factor()).toBeUndefined();
  });

  test('a stale deletion is refused', async () => {
    const first = await store.commit([create(scales, scale('shop', 'v1', 1))]);
    await store.commit([update(scales, scale('shop', 'v1', 2), first)]);
    await expect(store.commit([remove(scales, scale('shop', 'v1'), first)])).rejects.toThrow(ConflictError);
    expect(await factor()).toBe(2);
  });

  test('what was deleted can be created again, and is another object', async () => {
    const first = await store.commit([create(scales, scale('shop', 'v1', 1))]);
    await store.commit([remove(scales, scale('shop', 'v1'), first)]);
    await store.commit([create(scales, scale('shop', 'v1', 2))]);
    await expect(store.commit([update(scales, scale('shop', 'v1', 3), first)])).rejects.toThrow(
      ConflictError,
    );
    expect(await factor()).toBe(2);
  });

  test('a transaction is applied whole, at one revision, or not at all', async () => {
    const revision = await store.commit([
      create(scales, scale('shop', 'v1', 1)),
      create(scales, scale('shop', 'v2', 1)),
    ]);
    const { items } = await store.list(scales);
    expect(items.map((item) => item.metadata.revision)).toEqual([revision, revision]);
    const mixed = store.commit([
      update(scales, scale('shop', 'v1', 5), revision),
      remove(scales, scale('shop', 'v2'), revision),
      create(scales, scale('shop', 'v1', 9)),
    ]);
    await expect(mixed).rejects.toThrow(InternalError);
    const refused = store.commit([
      update(scales, scale('shop', 'v1', 5), revision),
      create(scales, scale('shop', 'v2', 5)),
    ]);
    await expect(refused).rejects.toThrow('Scale shop/v2 exists');
    expect([await factor('v1'), await factor('v2')]).toEqual([1, 1]);
  });

  test('a guarded object must be as it was seen', async () => {
    const kind = formations;
    const key = { formation: '', name: 'shop' };
    const guard = (revision: bigint) => ({ guard: 'object' as const, kind, key, revision });
    const write = create(scales, scale('shop', 'v1'));
    await expect(store.commit([write], [guard(5n)])).rejects.toThrow(ConflictError);
    const revision = await store.commit([create(formations, formation('shop'))], [guard(0n)]);
    await expect(store.commit([write], [guard(0n)])).rejects.toThrow('Formation shop exists');
    await expect(store.commit([write], [guard(revision - 1n)])).rejects.toThrow(ConflictError);
    await store.commit([write], [guard(revision)]);
    expect(await factor()).toBe(0);
    await store.commit([], [guard(revision)]);
    await expect(store.commit([], [guard(0n)])).rejects.toThrow(ConflictError);
  });

  test('the bounds of a transaction: 1,000 operations and 1 MiB', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => create(scales, scale('shop', `v${index}`)));
    await expect(store.commit(many(1_001))).rejects.toThrow(InvalidError);
    await store.commit(many(1_000));
    const big = (bytes: number) => create(formations, formation('big', { note: 'x'.repeat(bytes) }));
    await expect(store.commit([big(1024 * 1024)])).rejects.toThrow(InvalidError);
    await store.commit([big(1024 * 1024 - 200)]);
  });

  test('a transaction of nothing changes nothing', async () => {
    const before = await store.commit([create(formations, formation('a'))]);
    expect(await store.commit([])).toBe(before);
  });

  test('invariant 5: an acknowledged write is never lost, and a conflicting one is refused', async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, () => harness().open()));
    await store.commit([create(scales, scale('shop', 'v1', 0))]);
    const incrementsEach = 15;
    let conflicts = 0;
    const increment = async (writer: Store): Promise<void> => {
      for (;;) {
        const read = await writer.get(scales, { formation: 'shop', name: 'v1' });
        const { revision } = read?.metadata ?? { revision: 0n };
        const next = scale('shop', 'v1', (read?.spec.factors['web'] ?? 0) + 1);
        try {
          await writer.commit([update(scales, next, revision)]);
          return;
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error;
          conflicts++;
        }
      }
    };
    await Promise.all(
      writers.map(async (writer) => {
        for (let count = 0; count < incrementsEach; count++) await increment(writer);
      }),
    );
    expect(await factor()).toBe(writers.length * incrementsEach);
    expect(conflicts).toBeGreaterThan(0);
  });
}
