import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { LeaderWriter } from '../reconcile/writer';
import { events } from '../resource/objects';
import { MemoryStore } from '../store/memory/memory-store';
import type { Leadership } from '../store/store';
import { FaultyStore } from '../testing/faulty-store';
import { VirtualClock } from '../testing/virtual-clock';
import { EventRecorder } from './event-recorder';

describe('EventRecorder', () => {
  const placed = {
    formation: 'shop',
    kind: 'Instance',
    name: 'web.1',
    uid: 'u',
    reason: 'Placed',
    message: 'on e1',
  };
  let clock: VirtualClock;
  let store: MemoryStore;
  let faults: FaultyStore;
  let leadership: Leadership;
  let recorder: EventRecorder;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    clock = new VirtualClock();
    const random = new SeededRandom(1);
    stop = new AbortController();
    store = new MemoryStore({ clock, random });
    faults = new FaultyStore(store, clock, random);
    leadership = await store.campaign('controllers', 'one', 6_000, stop.signal);
    const writer = new LeaderWriter(faults, { has: () => false, reached: async () => {} }, leadership);
    recorder = new EventRecorder({ store: faults, writer, clock, random, log: silentLogger, capacity: 10 });
    running = recorder.run(stop.signal);
    running.catch(() => undefined);
  });
  afterEach(async () => {
    stop.abort();
    await running.catch(() => undefined);
    await leadership.resign();
    await store.close();
    expect(clock.pending).toBe(0);
  });

  const recorded = async () =>
    (await store.list(events)).items.map(({ metadata, count }) => `${metadata.name} ${count}`);

  it('writes after a moment, repetitions as one event', async () => {
    recorder.record(placed);
    recorder.record(placed);
    recorder.record({ ...placed, name: 'web.2' });
    await clock.advance(100);
    expect(await recorded()).toEqual(['instance.web.1.placed 2', 'instance.web.2.placed 1']);
    recorder.record({ ...placed, message: 'on e2' });
    await clock.advance(100);
    const event = await store.get(events, { formation: 'shop', name: 'instance.web.1.placed' });
    expect(event).toMatchObject({ count: 3, message: 'on e2' });
  });

  it('keeps what it cannot write, and writes it later', async () => {
    faults.faultRate = 1;
    recorder.record(placed);
    await clock.advance(5_000);
    expect(await recorded()).toEqual([]);
    faults.faultRate = 0;
    await clock.advance(10_000);
    expect(await recorded()).toEqual(['instance.web.1.placed 1']);
  });

  it('leaves out what is too much, and goes on', async () => {
    for (let number = 1; number <= 30; number++) recorder.record({ ...placed, name: `web.${number}` });
    await clock.advance(100);
    expect(await recorded()).toHaveLength(10);
    recorder.record({ ...placed, name: 'web.99' });
    await clock.advance(100);
    expect(await recorded()).toHaveLength(11);
  });

  it('ends with FencedError when the leadership is over', async () => {
    await leadership.resign();
    recorder.record(placed);
    await clock.advance(100);
    await expect(running).rejects.toMatchObject({ code: 'FENCED' });
    expect(await recorded()).toEqual([]);
  });
});
