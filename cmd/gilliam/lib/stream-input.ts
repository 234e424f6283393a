import { toDisposable } from '../../../pkg/base/disposable';
import { Passage } from '../../../pkg/base/passage';
import type { Input } from '../context';

/** The process's standard input and its terminal. */
export function streamInput(): Input {
  // Asking for the stream opens it: not every command does.
  const stdin = () => process.stdin;
  return {
    get isTerminal() {
      return stdin().isTTY === true;
    },
    async *read(signal) {
      const stream = stdin();
      const passage = new Passage<Uint8Array>(1);
      const onData = (chunk: Uint8Array) => {
        stream.pause();
        void passage.put(chunk).then((taken) => taken && stream.resume());
      };
      const onEnd = () => passage.end();
      stream.on('data', onData);
      // A terminal that is gone reads as an error: there is nothing more to come from it.
      for (const event of ['end', 'error', 'close'] as const) stream.on(event, onEnd);
      try {
        yield* passage.take(signal);
      } finally {
        stream.off('data', onData);
        for (const event of ['end', 'close'] as const) stream.off(event, onEnd);
        stream.pause();
      }
    },
    raw() {
      const stream = stdin();
      stream.setRawMode(true);
      const restore = toDisposable(() => {
        process.off('exit', onExit);
        stream.setRawMode(false);
      });
      const onExit = () => restore.dispose();
      process.on('exit', onExit);
      return restore;
    },
    get size() {
      const { columns, rows, isTTY } = process.stdout;
      return isTTY ? { columns, rows } : undefined;
    },
    onResize(listener) {
      process.stdout.on('resize', listener);
      return toDisposable(() => void process.stdout.off('resize', listener));
    },
  };
}
