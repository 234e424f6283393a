import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import { type Output, wantsColors } from '../context';

/** A stream of the process as what commands print to. */
export function streamOutput(
  stream: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'writableNeedDrain'>>,
  env: NodeJS.ProcessEnv,
): Output {
  const isTerminal = stream.isTTY === true;
  return {
    write: (text) => void stream.write(text),
    // What the reader of a pipe has not taken waits in memory: a follower of chatty instances has to wait, too.
    drained: async (signal) => {
      if (stream.writableNeedDrain) await once(stream, 'drain', { signal });
    },
    isTerminal,
    colors: isTerminal && wantsColors(env),
    get columns() {
      return stream.columns ?? 80;
    },
  };
}

/** Resolves when the reader has all that was written: before that, ending the process would cut it off. */
export function flushed(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
