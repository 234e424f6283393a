import { SystemClock } from '../../base/clock';
import { SeededRandom } from '../../base/random';
import { type Formation, formations } from '../../resource/objects';
import { MemoryStore } from './memory-store';

const empty = formations.decode(new Uint8Array());
const formation = (name: string): Formation => ({ ...empty, metadata: { ...empty.metadata, name } });

test('what is committed is read, and seen by a watch', async () => {
  const store = new MemoryStore({ clock: new SystemClock(), random: new SeededRandom(1) });
  const revision = await store.commit([{ op: 'create', kind: formations, object: formation('a') }]);
  expect((await store.get(formations, { formation: '', name: 'a' }))?.metadata.revision).toBe(revision);
  const stop = new AbortController();
  for await (const batch of store.watch({ kinds: [formations], after: 1n }, stop.signal)) {
    expect(batch.changes[0]?.key.name).toBe('a');
    stop.abort();
  }
  await store.close();
});
