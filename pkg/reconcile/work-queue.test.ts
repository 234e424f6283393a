import fc from 'fast-check';
import { SeededRandom } from '../base/random';
import { VirtualClock } from '../testing/virtual-clock';
import { WorkQueue } from './work-queue';

describe('WorkQueue', () => {
  let clock: VirtualClock;
  let queue: WorkQueue;

  beforeEach(() => {
    clock = new VirtualClock();
    const backoff = { startMs: 10, capMs: 100 };
    queue = new WorkQueue({ clock, random: new SeededRandom(1), backoff, capacity: 5 });
  });

  const takeAll = async () => {
    const taken: string[] = [];
    while (queue.length > 0) taken.push((await queue.take()) as string);
    return taken;
  };

  it('hands out each key once, oldest first, however often it was added', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(await takeAll()).toEqual(['a', 'b', 'c']);
  });

  it('holds back a key that is worked on, and hands it out again when it was added meanwhile', async () => {
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await takeAll()).toEqual(['a']);
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('lets a taker wait for a key', async () => {
    const taken = queue.take();
    queue.add('a');
    expect(await taken).toBe('a');
  });

  it('lets takers go when it is disposed, and takes nothing any more', async () => {
    const waiting = queue.take();
    queue.addAfter('late', 10);
    queue.dispose();
    queue.add('a');
    expect(await waiting).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('adds a key after its delay; of several the shortest holds', async () => {
    queue.addAfter('a', 50);
    queue.addAfter('a', 20);
    queue.addAfter('a', 90);
    await clock.advance(19);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(await takeAll()).toEqual(['a']);
    queue.done('a');
    await clock.advance(100);
    expect(queue.length).toBe(0);
  });

  it('forgets the delay of a key that is taken before', async () => {
    queue.addAfter('a', 50);
    queue.add('a');
    expect(await takeAll()).toEqual(['a']);
    queue.done('a');
    await clock.advance(50);
    expect(queue.length).toBe(0);
  });

  it('waits longer with each failure in a row, up to the cap, and from the start after a success', () => {
    const delays = Array.from({ length: 6 }, () => queue.addFailed('a'));
    expect(delays).toEqual([10, 20, 40, 80, 100, 100]);
    expect(queue.addFailed('b')).toBe(10);
    queue.forgive('a');
    expect(queue.addFailed('a')).toBe(10);
  });

  it('refuses to grow beyond its capacity', () => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    queue.add('a');
    expect(() => queue.add('f')).toThrow('more than 5 keys in a work queue');
  });

  it('never hands out a key that is worked on, and loses none', async () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'take', 'done', 'later', 'tick'),
      key: fc.constantFrom('a', 'b', 'c'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const time = new VirtualClock();
        const own = new WorkQueue({ clock: time, random: new SeededRandom(1) });
        const working = new Set<string>();
        // Keys whose last add has not been followed by a take.
        const owed = new Set<string>();
        const take = async () => {
          const key = (await own.take()) as string;
          if (working.has(key)) throw new Error(`${key} was handed out while it was worked on`);
          working.add(key);
          owed.delete(key);
        };
        for (const { what, key } of steps) {
          if (what === 'add' || what === 'later') owed.add(key);
          if (what === 'add') own.add(key);
          if (what === 'later') own.addAfter(key, 5);
          if (what === 'take' && own.length > 0) await take();
          if (what === 'done' && working.delete(key)) own.done(key);
          if (what === 'tick') await time.advance(3);
        }
        for (let round = 0; round < 3; round++) {
          for (const key of working) own.done(key);
          working.clear();
          await time.advance(10);
          while (own.length > 0) await take();
        }
        own.dispose();
        if (owed.size > 0) throw new Error(`${[...owed].join()} was added and never handed out`);
      }),
    );
  });
});
