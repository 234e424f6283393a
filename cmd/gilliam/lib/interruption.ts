import { constants } from 'node:os';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Interruptible = Pick<NodeJS.Process, 'on' | 'exit'>;

/**
 * Aborted by the first signal that asks the process to end; its reason's message is the signal's name. The second one
 * ends the process, whatever it waits for. By `exit` and not by the signal itself, which would leave a terminal as it
 * is: without echo, and deaf to Ctrl-C.
 */
export function interruption(process: Interruptible): AbortSignal {
  const interrupted = new AbortController();
  for (const name of names) {
    process.on(name, () => {
      if (interrupted.signal.aborted) process.exit(128 + constants.signals[name]);
      interrupted.abort(new Error(name));
    });
  }
  return interrupted.signal;
}
