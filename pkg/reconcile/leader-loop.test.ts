import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { FencedError } from '../store/errors';
import { MemoryStore } from '../store/memory/memory-store';
import { VirtualClock } from '../testing/virtual-clock';
import { LeaderLoop } from './leader-loop';
import type { Term } from './leader-loop';

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('LeaderLoop', () => {
  let clock: VirtualClock;
  let first: MemoryStore;
  let second: MemoryStore;
  let stop: AbortController;
  let happened: string[];
  let running: Promise<void>[];

  beforeEach(() => {
    clock = new VirtualClock();
    first = new MemoryStore({ clock, random: new SeededRandom(1) });
    second = new MemoryStore({ clock, random: new SeededRandom(2), server: first.server });
    stop = new AbortController();
    happened = [];
    running = [];
  });
  afterEach(async () => {
    stop.abort();
    await clock.settle();
    await Promise.all(running);
    await second.close();
    await first.close();
  });

  function candidate(
    store: MemoryStore,
    identity: string,
    lead = async (_term: Term, signal: AbortSignal) => untilAborted(signal),
  ): LeaderLoop {
    const loop = new LeaderLoop({
      store,
      election: 'controllers',
      identity,
      ttlMs: 6_000,
      lead: async (term, signal) => {
        happened.push(`${identity} leads`);
        term.held.add({ dispose: () => happened.push(`${identity} let go`) });
        await lead(term, signal);
      },
      clock,
      random: new SeededRandom(3),
      log: silentLogger,
    });
    running.push(loop.run(stop.signal));
    return loop;
  }

  it('lets one lead at a time, and the next when it goes', async () => {
    const own = new AbortController();
    const one = candidate(first, 'one', async (_, signal) =>
      untilAborted(AbortSignal.any([own.signal, signal])),
    );
    await clock.settle();
    const two = candidate(second, 'two');
    await clock.settle();
    expect([one.leading, two.leading]).toEqual([true, false]);
    own.abort();
    await clock.settle();
    expect([one.leading, two.leading]).toEqual([false, true]);
    expect(happened).toEqual(['one leads', 'one let go', 'two leads']);
  });

  it('steps down before anybody else can lead when it is cut off', async () => {
    const one = candidate(first, 'one');
    await clock.settle();
    const two = candidate(second, 'two');
    await clock.settle();
    first.setReachable(false);
    await clock.advance(4_500);
    expect([one.leading, two.leading]).toEqual([false, false]);
    await clock.advance(3_000);
    expect([one.leading, two.leading]).toEqual([false, true]);
    first.setReachable(true);
  });

  it.each([new FencedError('somebody else leads'), new Error('a fault')])(
    'campaigns again after a term that ended with %p',
    async (error) => {
      let terms = 0;
      const loop = candidate(first, 'one', async (_, signal) => {
        if (terms++ === 0) throw error;
        await untilAborted(signal);
      });
      await clock.advance(500);
      expect(happened).toEqual(['one leads', 'one let go', 'one leads']);
      expect(loop.leading).toBe(true);
    },
  );

  it('gives the leadership up when it is asked to end', async () => {
    candidate(first, 'one');
    await clock.settle();
    stop.abort();
    await clock.settle();
    expect(await second.leader('controllers')).toBeUndefined();
    expect(happened).toEqual(['one leads', 'one let go']);
  });
});
