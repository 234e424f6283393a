import fc from 'fast-check';
import { SystemClock } from '../../base/clock';
import { SystemRandom } from '../../base/random';
import { checkAgainstModel, steps } from '../contract/model-check';
import { MemoryStore } from './memory-store';

test('whatever is done to it, the memory store does what the naive model does', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const store = new MemoryStore({ clock: new SystemClock(), random: new SystemRandom() });
      try {
        await checkAgainstModel(store, async (revision) => store.compact(revision), taken);
      } finally {
        await store.close();
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
