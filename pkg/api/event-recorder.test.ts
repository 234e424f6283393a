import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { events } from '../resource/objects';
import { MemoryStore } from '../store/memory/memory-store';
import { EventRecorder } from './event-recorder';

const clock = new SystemClock();
const random = new SystemRandom();
const happening = {
  formation: 'shop',
  kind: 'Instance',
  name: 'web.1',
  uid: 'u',
  reason: 'Restarted',
  message: 'm',
};

test('happenings of one moment are counted in few transactions, none is lost', async () => {
  const store = new MemoryStore({ clock, random });
  const recorders = [1, 2].map(() => new EventRecorder({ store, clock, random, log: silentLogger }));
  for (let index = 0; index < 100; index++) {
    for (const recorder of recorders) recorder.record({ ...happening, message: `m${index}` });
  }
  await Promise.all(recorders.map((recorder) => recorder.flush()));
  const found = await store.get(events, { formation: 'shop', name: 'instance.web.1.restarted' });
  expect(found).toMatchObject({ count: 200, message: 'm99', reason: 'Restarted' });
  expect(store.server.revision).toBeLessThan(20n);
  await store.close();
});

test('what cannot be written is dropped and logged, and fails nobody', async () => {
  const store = new MemoryStore({ clock, random });
  const warned: string[] = [];
  const log = { ...silentLogger, warn: (message: string) => warned.push(message) };
  const recorder = new EventRecorder({ store, clock, random, log });
  store.setReachable(false);
  recorder.record(happening);
  await recorder.flush();
  expect(warned).toEqual(['events dropped']);
  store.setReachable(true);
  recorder.record(happening);
  await recorder.flush();
  expect((await store.list(events)).items).toHaveLength(1);
  await store.close();
});

test('what happens at the very moment at which the last batch ends is written too', async () => {
  for (let hops = 0; hops < 12; hops++) {
    const store = new MemoryStore({ clock, random });
    const recorder = new EventRecorder({ store, clock, random, log: silentLogger });
    const commit = store.commit.bind(store);
    store.commit = async (...args) => {
      const done = commit(...args);
      store.commit = commit;
      let later: Promise<unknown> = done;
      for (let hop = 0; hop < hops; hop++) later = later.then(() => undefined);
      void later.then(() => recorder.record({ ...happening, message: 'late' }));
      return done;
    };
    recorder.record(happening);
    await new Promise((resolve) => setImmediate(resolve));
    await recorder.flush();
    expect((await store.list(events)).items).toMatchObject([{ count: 2, message: 'late' }]);
    await store.close();
  }
});
