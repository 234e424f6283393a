import { Passage } from './passage';

const never = new AbortController().signal;

async function all<T>(passage: Passage<T>, signal = never): Promise<T[]> {
  const taken: T[] = [];
  for await (const thing of passage.take(signal)) taken.push(thing);
  return taken;
}

test('what is put in comes out in order, and then the end', async () => {
  const passage = new Passage<number>(8);
  for (const number of [1, 2, 3]) expect(await passage.put(number)).toBe(true);
  passage.end();
  expect(await passage.put(4)).toBe(false);
  expect(await all(passage)).toEqual([1, 2, 3]);
});

test('whoever puts in more than it holds waits', async () => {
  const passage = new Passage<number>(2);
  let put = 0;
  const putting = (async () => {
    for (let number = 0; number < 100; number++) {
      await passage.put(number);
      put = number + 1;
    }
    passage.end();
  })();
  await new Promise(setImmediate);
  expect(put).toBe(2);
  expect(await all(passage)).toHaveLength(100);
  await putting;
});

test('a failure comes after what was put in before it', async () => {
  const passage = new Passage<number>(2);
  await passage.put(1);
  passage.end(new Error('gone'));
  passage.end();
  const taken: number[] = [];
  const reading = (async () => {
    for await (const number of passage.take(never)) taken.push(number);
  })();
  await expect(reading).rejects.toThrow('gone');
  expect(taken).toEqual([1]);
});

test('whoever waits for room is let go when the reader leaves', async () => {
  const passage = new Passage<number>(1);
  await passage.put(1);
  // One takes the place of what is taken, the other waits on.
  const waiting = [passage.put(2), passage.put(3)];
  for await (const _ of passage.take(never)) break;
  expect(await Promise.all(waiting)).toEqual([true, false]);
  expect(await passage.put(4)).toBe(false);
});

test('an abort ends the taking', async () => {
  const stop = new AbortController();
  const taking = all(new Passage<number>(1), stop.signal);
  stop.abort();
  expect(await taking).toEqual([]);
});
