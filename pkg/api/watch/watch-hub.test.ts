import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { SystemClock } from '../../base/clock';
import { silentLogger } from '../../base/log';
import { SeededRandom, SystemRandom } from '../../base/random';
import { FormationSpec, FormationStatus } from '../../gen/gilliam/v1/formation';
import { formations, type Formation } from '../../resource/objects';
import { MemoryStore } from '../../store/memory/memory-store';
import type { Change, WatchBatch } from '../../store/store';
import { WatchHub } from './watch-hub';

const clock = new SystemClock();
const names = ['a', 'b', 'c', 'd'];

function object(name: string): Formation {
  return {
    metadata: { name, formation: '', uid: name, generation: 1n, revision: 0n, labels: {} },
    spec: FormationSpec.fromPartial({}),
    status: FormationStatus.fromPartial({}),
  };
}

/** Creates, changes or deletes one of four objects. */
async function step(store: MemoryStore, name: string, remove: boolean): Promise<void> {
  const before = await store.get(formations, { formation: '', name });
  if (!before) await store.commit([{ op: 'create', kind: formations, object: object(name) }]);
  else if (remove) {
    const { revision } = before.metadata;
    await store.commit([{ op: 'delete', kind: formations, key: { formation: '', name }, revision }]);
  } else {
    await store.commit([{ op: 'update', kind: formations, object: before }]);
  }
}

function apply(state: Map<string, bigint>, changes: readonly Change[]): void {
  for (const { key, object: after } of changes) {
    if (after) state.set(key.name, after.metadata.revision);
    else state.delete(key.name);
  }
}

async function stateOf(store: MemoryStore) {
  const { items, revision } = await store.list(formations);
  return { state: new Map(items.map(({ metadata }) => [metadata.name, metadata.revision])), revision };
}

test('invariant 8: whoever lists and then watches sees every change, from wherever, fast or slow', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 30 }), async (seed, history) => {
      const random = new SeededRandom(seed);
      const store = new MemoryStore({ clock, random: new SystemRandom() });
      const hub = new WatchHub({ store, kinds: [formations], history, clock, random, log: silentLogger });
      const end = new AbortController();
      setMaxListeners(0, end.signal);
      const running = hub.run(end.signal);
      const readers: Promise<Map<string, bigint>>[] = [];
      const total = 60;
      let last = 0n;
      const finished = new AbortController();
      const read = async () => {
        const { state, revision } = await stateOf(store);
        const slow = random.next() < 0.5;
        if (finished.signal.aborted && revision >= last) return state;
        for await (const batch of hub.watch(revision, end.signal)) {
          apply(state, batch.changes);
          if (finished.signal.aborted && batch.revision >= last) return state;
          if (slow) await new Promise((resolve) => setImmediate(resolve));
        }
        throw new Error('the watch ended');
      };
      for (let index = 0; index < total; index++) {
        await step(store, names[Math.floor(random.next() * names.length)] ?? 'a', random.next() < 0.4);
        if (random.next() < 0.2) readers.push(read());
        if (random.next() < 0.3) await new Promise((resolve) => setImmediate(resolve));
      }
      // One more change, so that every reader hears that it is over.
      last = (await stateOf(store)).revision + 1n;
      finished.abort();
      await store.commit([{ op: 'create', kind: formations, object: object('z') }]);
      const { state: expected } = await stateOf(store);
      for (const seen of await Promise.all(readers)) expect(seen).toEqual(expected);
      end.abort();
      await running;
      await store.close();
    }),
    { numRuns: 30 },
  );
});

test('a reader that has fallen behind what is kept misses nothing', async () => {
  const store = new MemoryStore({ clock, random: new SystemRandom() });
  const hub = new WatchHub({
    store,
    kinds: [formations],
    history: 5,
    clock,
    random: new SystemRandom(),
    log: silentLogger,
  });
  const end = new AbortController();
  const running = hub.run(end.signal);
  const { revision } = await stateOf(store);
  const reader = hub.watch(revision, end.signal);
  await step(store, 'a', false);
  const seen: WatchBatch[] = [(await reader.next()).value as WatchBatch];
  for (let index = 0; index < 100; index++) {
    await step(store, 'a', false);
    await new Promise((resolve) => setImmediate(resolve));
  }
  while ((seen.at(-1)?.revision ?? 0n) < revision + 101n)
    seen.push((await reader.next()).value as WatchBatch);
  expect(seen.flatMap(({ changes }) => changes).map((change) => change.object?.metadata.revision)).toEqual(
    Array.from({ length: 101 }, (_, index) => revision + BigInt(index) + 1n),
  );
  end.abort();
  await running;
  await store.close();
});
