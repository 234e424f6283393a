import { setMaxListeners } from 'node:events';

/**
 * Runs the tasks at once. When one of them ends, in whatever way, or the signal aborts, the others are asked to end;
 * resolves, or throws the first error, once all have.
 */
export async function allOrNone(
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const inner = new AbortController();
  // Many listen to it at once, by design.
  setMaxListeners(0, inner.signal);
  const stop = () => inner.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const failures: unknown[] = [];
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(inner.signal);
      } catch (error) {
        failures.push(error);
      } finally {
        inner.abort(failures[0] ?? signal.reason);
      }
    }),
  );
  signal.removeEventListener('abort', stop);
  if (failures.length > 0) throw failures[0];
}
