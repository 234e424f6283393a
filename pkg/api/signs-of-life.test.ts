import { VirtualClock } from '../testing/virtual-clock';
import { withSignsOfLife } from './signs-of-life';

const everyMs = 5_000;

test('what takes long gives signs of life, and comes in order', async () => {
  const clock = new VirtualClock();
  const source = async function* () {
    yield 1;
    await new Promise<void>((resolve) => clock.after(12_000, resolve));
    yield 2;
    yield 3;
  };
  const heard: unknown[] = [];
  const all = (async () => {
    for await (const each of withSignsOfLife<number | string>(source(), 'sign', { clock, everyMs }))
      heard.push(each);
  })();
  await clock.advance(12_000);
  await all;
  expect(heard).toEqual([1, 'sign', 'sign', 2, 3]);
  expect(clock.pending).toBe(0);
});

test('what fails meanwhile fails the reader, once', async () => {
  const clock = new VirtualClock();
  const source = async function* (): AsyncGenerator<string> {
    await new Promise<void>((resolve) => clock.after(7_000, resolve));
    throw new Error('it broke');
  };
  const reader = withSignsOfLife(source(), 'sign', { clock, everyMs });
  const first = reader.next();
  await clock.advance(5_000);
  expect(await first).toEqual({ done: false, value: 'sign' });
  const second = reader.next();
  const failed = expect(second).rejects.toThrow('it broke');
  await clock.advance(2_000);
  await failed;
  expect(clock.pending).toBe(0);
});

test('a reader that leaves ends the source', async () => {
  const clock = new VirtualClock();
  let ended = false;
  const source = async function* () {
    try {
      for (;;) yield 'word';
    } finally {
      ended = true;
    }
  };
  for await (const _ of withSignsOfLife(source(), 'sign', { clock, everyMs })) break;
  expect([ended, clock.pending]).toEqual([true, 0]);
});
