import { SystemClock } from '../base/clock';
import { CompactedError, UnavailableError } from '../base/errors';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { executors, formations } from '../resource/objects';
import type { Executor, Formation, Kind, StoredObject } from '../resource/objects';
import { MemoryStore } from '../store/memory/memory-store';
import type { Change, ListOptions, ListResult, WatchBatch, WatchOptions } from '../store/store';
import { VirtualClock } from '../testing/virtual-clock';
import { Caches } from './caches';

/** The little of a store that caches use, scripted by the test. */
class ScriptedStore {
  revision = 0n;
  readonly lists: string[] = [];
  readonly #objects = new Map<string, StoredObject>();
  readonly #history: { change: Change; revision: bigint }[] = [];
  #wake = () => {};
  fault: Error | undefined;

  write(kind: Kind<StoredObject>, name: string, gone = false): bigint {
    this.revision++;
    const object = kind.decode(new Uint8Array());
    object.metadata.name = name;
    object.metadata.revision = this.revision;
    const key = `${kind.plural}/${name}`;
    if (gone) this.#objects.delete(key);
    else this.#objects.set(key, object);
    const change = { kind, key: { formation: '', name }, ...(gone ? {} : { object }) };
    this.#history.push({ change, revision: this.revision });
    this.#wake();
    return this.revision;
  }

  /** Changes what a list shows without telling any watch. */
  writeUnseen(kind: Kind<StoredObject>, name: string, gone = false): void {
    this.write(kind, name, gone);
    this.#history.pop();
  }

  fail(error: Error): void {
    this.fault = error;
    this.#wake();
  }

  async list<T extends StoredObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    this.lists.push(`${kind.plural}@${options.at ?? 'newest'}`);
    const items = [...this.#objects].filter(([key]) => key.startsWith(`${kind.plural}/`));
    return { items: items.map(([, item]) => item as T), revision: this.revision, more: false };
  }

  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    let position = options.after;
    signal.addEventListener('abort', () => this.#wake());
    while (!signal.aborted) {
      if (this.fault) {
        const fault = this.fault;
        this.fault = undefined;
        throw fault;
      }
      const after = position;
      const news = this.#history.filter((entry) => entry.revision > after);
      position = this.revision;
      if (news.length > 0) yield { changes: news.map((entry) => entry.change), revision: this.revision };
      if (!this.fault && position === this.revision) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}

describe('Caches', () => {
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  let store: ScriptedStore;
  let caches: Caches;

  beforeEach(() => {
    store = new ScriptedStore();
    caches = new Caches({
      store,
      kinds: [formations, executors],
      clock: new SystemClock(),
      random: new SeededRandom(1),
      log: silentLogger,
    });
  });
  afterAll(async () => {
    stop.abort();
    await Promise.all(running);
  });

  const start = async () => {
    running.push(caches.run(stop.signal));
    await caches.synced();
  };
  const names = (kind: Kind<Formation> | Kind<Executor>) =>
    caches
      .of<Formation | Executor>(kind)
      .list()
      .map((object) => object.metadata.name)
      .sort();

  it('lists all kinds at one revision', async () => {
    store.write(formations, 'shop');
    await start();
    expect(store.lists).toEqual(['formations@newest', 'executors@1']);
    expect(names(formations)).toEqual(['shop']);
    expect(caches.revision).toBe(1n);
  });

  it('counts as synced with an empty store', async () => {
    await start();
    expect(names(formations)).toEqual([]);
  });

  it('follows changes, and says which objects changed how', async () => {
    await start();
    const heard: string[] = [];
    caches.of(formations).onChange((key, after, before) => {
      heard.push(`${key.name} ${before?.metadata.revision ?? '-'} ${after?.metadata.revision ?? '-'}`);
    });
    store.write(formations, 'shop');
    store.write(formations, 'shop');
    await caches.reached(store.write(formations, 'shop', true));
    expect(heard).toEqual(['shop - 1', 'shop 1 2', 'shop 2 -']);
    expect(caches.of(formations).get({ formation: '', name: 'shop' })).toBeUndefined();
  });

  it('shows listeners a whole batch at once', async () => {
    await start();
    const seen: string[][] = [];
    caches.of(executors).onChange(() => seen.push(names(formations)));
    store.write(executors, 'a');
    await caches.reached(store.write(formations, 'shop'));
    expect(seen).toEqual([['shop']]);
  });

  it('hands out the same list until something changes', async () => {
    store.write(formations, 'shop');
    await start();
    const before = caches.of(formations).list();
    await caches.reached(store.write(executors, 'a'));
    expect(caches.of(formations).list()).toBe(before);
    await caches.reached(store.write(formations, 'blog'));
    expect(caches.of(formations).list()).not.toBe(before);
    expect(before).toHaveLength(1);
  });

  it.each([new CompactedError('too old'), new UnavailableError('gone'), new Error('whatever')])(
    'lists again after a watch that ended with %p, and tells of what it missed, once',
    async (fault) => {
      store.write(formations, 'kept');
      store.write(formations, 'removed');
      await start();
      const heard: string[] = [];
      caches.of(formations).onChange((key, after) => heard.push(`${key.name} ${after ? 'put' : 'deleted'}`));
      store.writeUnseen(formations, 'added');
      store.writeUnseen(formations, 'removed', true);
      store.fail(fault);
      await caches.reached(store.revision);
      expect(names(formations)).toEqual(['added', 'kept']);
      expect(heard).toEqual(['added put', 'removed deleted']);
    },
  );

  it('keeps on telling the others when a listener throws', async () => {
    await start();
    const heard: string[] = [];
    caches.of(formations).onChange(() => {
      throw new Error('broken');
    });
    caches.of(formations).onChange((key) => heard.push(key.name));
    await caches.reached(store.write(formations, 'shop'));
    expect(heard).toEqual(['shop']);
  });

  it('stops waiting when asked to', async () => {
    await start();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(caches.reached(99n, signal)).rejects.toThrow('no longer waiting for revision 99');
  });

  it('refuses a kind that it was not given', () => {
    const none = new Caches({
      store,
      kinds: [],
      clock: new SystemClock(),
      random: new SeededRandom(1),
      log: silentLogger,
    });
    expect(() => none.of(formations)).toThrow('no cache of the kind Formation');
  });
});

it('invariant 8: what was compacted away while the watch was cut off is seen all the same', async () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const cut = new MemoryStore({ clock, random });
  const whole = new MemoryStore({ clock, random, server: cut.server });
  const caches = new Caches({ store: cut, kinds: [formations], clock, random, log: silentLogger });
  const stop = new AbortController();
  const running = caches.run(stop.signal);
  const empty = formations.decode(new Uint8Array());
  const named = (name: string, revision = 0n) => ({
    ...empty,
    metadata: { ...empty.metadata, name, revision },
  });
  const removed = await whole.commit([{ op: 'create', kind: formations, object: named('removed') }]);
  await caches.reached(removed);

  cut.setReachable(false);
  await whole.commit([
    { op: 'delete', kind: formations, key: { formation: '', name: 'removed' }, revision: removed },
    { op: 'create', kind: formations, object: named('added') },
  ]);
  const newest = await whole.commit([{ op: 'create', kind: formations, object: named('last') }]);
  whole.compact(newest);
  cut.setReachable(true);
  await clock.advance(10_000);

  const names = caches
    .of(formations)
    .list()
    .map((formation) => formation.metadata.name);
  expect(names.sort()).toEqual(['added', 'last']);
  stop.abort();
  await running;
  await whole.close();
  await cut.close();
});
