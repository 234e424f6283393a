import { CompactedError, InternalError, InvalidError } from '../../base/errors';
import { events, formations, scales } from '../../resource/objects';
import type { Store } from '../store';
import { create, event, formation, namesOf, remove, scale, type StoreHarness, update } from './support';

export function readsContract(harness: () => StoreHarness): void {
  let store: Store;
  beforeEach(async () => {
    store = await harness().open();
  });

  test('what is not there is undefined', async () => {
    expect(await store.get(formations, { formation: '', name: 'shop' })).toBeUndefined();
    expect((await store.list(formations)).items).toEqual([]);
  });

  test('an object is read as it was written, at the revision of its transaction', async () => {
    const written = {
      ...scale('shop', 'v1', 3),
      status: { observedGeneration: 7n, conditions: [], ready: { web: 2 } },
    };
    const revision = await store.commit([create(scales, written)]);
    const read = await store.get(scales, { formation: 'shop', name: 'v1' });
    expect(read).toEqual({ ...written, metadata: { ...written.metadata, revision } });
    expect((await store.list(scales)).items).toEqual([read]);
  });

  test('the revision of an object is that of its own last change', async () => {
    const first = await store.commit([create(formations, formation('a'))]);
    const second = await store.commit([create(formations, formation('b'))]);
    expect(second).toBeGreaterThan(first);
    const { items, revision } = await store.list(formations);
    expect(items.map((item) => item.metadata.revision)).toEqual([first, second]);
    expect(revision).toBeGreaterThanOrEqual(second);
  });

  test('a list is in the order of <formation>/<name>, of the kind, and of the formation when asked', async () => {
    await store.commit([
      create(scales, scale('shop', 'v2')),
      create(scales, scale('shop', 'v10')),
      create(scales, scale('a-b', 'v1')),
      create(scales, scale('a', 'v1')),
      create(formations, formation('shop')),
      create(events, event('', 'executor.one.lost')),
      create(events, event('shop', 'instance.web-1-1.failed')),
    ]);
    expect(namesOf((await store.list(scales)).items)).toEqual(['a-b/v1', 'a/v1', 'shop/v10', 'shop/v2']);
    expect(namesOf((await store.list(scales, { formation: 'a' })).items)).toEqual(['a/v1']);
    expect(namesOf((await store.list(scales, { formation: 'none' })).items)).toEqual([]);
    expect((await store.list(events)).items).toHaveLength(2);
    expect(namesOf((await store.list(events, { formation: '' })).items)).toEqual(['/executor.one.lost']);
  });

  test('a list in pages gives each object once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const revision = await store.commit(names.map((name) => create(formations, formation(name))));
    const pages: string[][] = [];
    let after: { formation: string; name: string } | undefined;
    for (let more = true; more;) {
      const page = await store.list(formations, { at: revision, limit: 2, after });
      expect(page.revision).toBe(revision);
      pages.push(page.items.map((item) => item.metadata.name));
      const last = page.items.at(-1)?.metadata.name;
      after = last === undefined ? undefined : { formation: '', name: last };
      more = page.more;
    }
    expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    await expect(store.list(formations, { limit: 0 })).rejects.toThrow(InvalidError);
  });

  test('a page after a key of another formation', async () => {
    await store.commit([create(scales, scale('b', 'v1')), create(scales, scale('b', 'v2'))]);
    const after = (formationName: string) =>
      store.list(scales, { formation: 'b', after: { formation: formationName, name: 'v1' } });
    expect(namesOf((await after('a')).items)).toEqual(['b/v1', 'b/v2']);
    expect(namesOf((await after('b')).items)).toEqual(['b/v2']);
    expect(namesOf((await after('c')).items)).toEqual([]);
  });

  test('a list at a revision shows what was then', async () => {
    const first = await store.commit([create(scales, scale('shop', 'v1', 1))]);
    const second = await store.commit([
      update(scales, scale('shop', 'v1', 2), first),
      create(scales, scale('shop', 'v2', 1)),
    ]);
    const third = await store.commit([remove(scales, scale('shop', 'v1'), second)]);
    const at = async (revision: bigint) =>
      (await store.list(scales, { at: revision })).items.map(
        ({ metadata, spec }) => `${metadata.name}=${spec.factors['web']}@${metadata.revision - first}`,
      );
    expect(await at(first - 1n)).toEqual([]);
    expect(await at(first)).toEqual(['v1=1@0']);
    expect(await at(second)).toEqual(['v1=2@1', 'v2=1@1']);
    expect(await at(third)).toEqual(['v2=1@1']);
    expect((await store.list(scales, { at: first })).revision).toBe(first);
  });

  test('a list at a revision that is compacted, or not there yet, says to list again', async () => {
    const first = await store.commit([create(formations, formation('a'))]);
    const second = await store.commit([create(formations, formation('b'))]);
    await harness().compact(second);
    await expect(store.list(formations, { at: first })).rejects.toThrow(CompactedError);
    expect((await store.list(formations, { at: second })).items).toHaveLength(2);
    await expect(store.list(formations, { at: second + 1000n })).rejects.toThrow(CompactedError);
  });

  test('names that would be somewhere else are refused', async () => {
    for (const key of [
      { formation: 'shop', name: 'a/b' },
      { formation: 'shop', name: '' },
      { formation: '../x', name: 'v1' },
      { formation: '-', name: 'v1' },
    ])
      await expect(store.get(scales, key)).rejects.toThrow(InternalError);
    await expect(store.get(formations, { formation: 'shop', name: 'shop' })).rejects.toThrow(InternalError);
  });
}
