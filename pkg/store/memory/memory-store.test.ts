import { SystemClock } from '../../base/clock';
import { SystemRandom } from '../../base/random';
import type { Store } from '../store';
import { storeContract } from '../store-contract';
import { MemoryServer } from './memory-server';
import { MemoryStore } from './memory-store';

describe('MemoryStore', () => {
  storeContract(async () => {
    const clock = new SystemClock();
    const server = new MemoryServer(clock);
    const opened: Store[] = [];
    return {
      open: async () => {
        const store = new MemoryStore({ clock, random: new SystemRandom(), server });
        opened.push(store);
        return store;
      },
      compact: async (revision) => server.compact(revision),
      ttlMs: 150,
      close: async () => {
        for (const store of opened) await store.close();
        server.close();
      },
    };
  });
});
