import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { events, formations } from '../resource/objects';
import type { Formation } from '../resource/objects';
import { FencedError } from '../store/errors';
import { MemoryStore } from '../store/memory/memory-store';
import type { Leadership, Write } from '../store/store';
import { VirtualClock } from '../testing/virtual-clock';
import { Caches } from './caches';
import { LeaderWriter } from './writer';

const named = (name: string, revision = 0n): Formation => {
  const empty = formations.decode(new Uint8Array());
  return { ...empty, metadata: { ...empty.metadata, name, revision } };
};
const create = (name: string): Write => ({ op: 'create', kind: formations, object: named(name) });

describe('LeaderWriter', () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  let store: MemoryStore;
  let caches: Caches;
  let leadership: Leadership;
  let writer: LeaderWriter;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    stop = new AbortController();
    store = new MemoryStore({ clock, random });
    caches = new Caches({ store, kinds: [formations], clock, random, log: silentLogger });
    running = caches.run(stop.signal);
    leadership = await store.campaign('controllers', 'one', 6_000, stop.signal);
    writer = new LeaderWriter(store, caches, leadership);
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await store.close();
  });

  it('resolves once the caches show what was written', async () => {
    await writer.commit([create('shop')]);
    expect(caches.of(formations).get({ formation: '', name: 'shop' })).toBeDefined();
  });

  it('does not wait for kinds that are not cached', async () => {
    const empty = events.decode(new Uint8Array());
    const object = { ...empty, metadata: { ...empty.metadata, name: 'x' } };
    await writer.commit([{ op: 'create', kind: events, object }]);
    expect(await store.get(events, { formation: '', name: 'x' })).toBeDefined();
  });

  it('takes as many transactions as it needs', async () => {
    const writes = Array.from({ length: 450 }, (_, index) => create(`f${index}`));
    expect(await writer.commitEach(writes)).toEqual([]);
    expect(caches.of(formations).list()).toHaveLength(450);
  });

  it('carries out the others when some conflict, and says which were refused', async () => {
    await writer.commit([create('f7'), create('f120')]);
    const writes = Array.from({ length: 200 }, (_, index) => create(`f${index}`));
    const stale: Write = { op: 'update', kind: formations, object: named('f7', 1n) };
    const refused = await writer.commitEach([...writes.filter((_, index) => index !== 7), stale]);
    expect(refused.map(({ write, error }) => [write.op, error.code])).toEqual(
      expect.arrayContaining([
        ['create', 'ALREADY_EXISTS'],
        ['update', 'ABORTED'],
      ]),
    );
    expect(refused).toHaveLength(2);
    expect(caches.of(formations).list()).toHaveLength(200);
  });

  it('invariant 9: a deposed leader changes nothing', async () => {
    await leadership.resign();
    const next = await store.campaign('controllers', 'two', 6_000, stop.signal);
    await expect(writer.commit([create('a')])).rejects.toThrow(FencedError);
    await expect(writer.commitEach([create('b'), create('c')])).rejects.toThrow(FencedError);
    await new LeaderWriter(store, caches, next).commit([create('d')]);
    expect(
      caches
        .of(formations)
        .list()
        .map((formation) => formation.metadata.name),
    ).toEqual(['d']);
  });
});
