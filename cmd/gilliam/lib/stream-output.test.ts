import { Writable } from 'node:stream';
import { flushed, streamOutput } from './stream-output';

/** A pipe whose reader takes a piece when told to. */
function slowPipe() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 4,
    write: (chunk: Buffer, _encoding, done) => {
      waiting.push(() => {
        taken.push(chunk.toString());
        done();
      });
    },
  });
  return { stream, taken, take: () => waiting.shift()?.() };
}

const settled = async (promise: Promise<void>) => {
  const pending = Symbol('pending');
  const after = new Promise((resolve) => setImmediate(() => resolve(pending)));
  return (await Promise.race([promise, after])) !== pending;
};

describe('streamOutput', () => {
  test('waits until the reader has caught up', async () => {
    const { stream, take } = slowPipe();
    const output = streamOutput(stream, {});
    const { signal } = new AbortController();
    await output.drained(signal);
    output.write('more than four');
    const drained = output.drained(signal);
    expect(await settled(drained)).toBe(false);
    take();
    await drained;
  });

  test('waits no longer than its signal allows', async () => {
    const { stream } = slowPipe();
    const output = streamOutput(stream, {});
    const interrupted = new AbortController();
    output.write('more than four');
    const drained = output.drained(interrupted.signal);
    interrupted.abort();
    await expect(drained).rejects.toThrow('aborted');
  });

  test('has nothing of a terminal where there is none', () => {
    const { isTerminal, colors, columns } = streamOutput(slowPipe().stream, { TERM: 'xterm' });
    expect({ isTerminal, colors, columns }).toEqual({ isTerminal: false, colors: false, columns: 80 });
  });
});

test('flushed: all that was written is with the reader', async () => {
  const { stream, taken, take } = slowPipe();
  stream.write('one');
  stream.write('two');
  const done = flushed(stream);
  expect(await settled(done)).toBe(false);
  take();
  take();
  take();
  await settled(done);
  take();
  await done;
  expect(taken.join('')).toBe('onetwo');
});
