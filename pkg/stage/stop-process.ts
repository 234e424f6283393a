import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import type { ProcessIdentity } from './process-record';
import { isAlive } from './process-record';

/** What stopping needs of the machine. */
export interface Signals {
  isAlive(process: ProcessIdentity): boolean;
  kill(pid: number, signal: NodeJS.Signals): void;
}

export const systemSignals: Signals = {
  isAlive,
  kill: (pid, signal) => {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  },
};

const pollMs = 25;

/** SIGTERM, `graceMs`, SIGKILL. Resolves when the process is gone, with how it went. */
export async function stopProcess(
  target: ProcessIdentity,
  graceMs: number,
  { clock, signals = systemSignals }: { clock: Clock; signals?: Signals },
  signal?: AbortSignal,
): Promise<'gone' | 'stopped' | 'killed'> {
  if (!signals.isAlive(target)) return 'gone';
  signals.kill(target.pid, 'SIGTERM');
  const killAt = clock.monotonic() + graceMs;
  let killed = false;
  while (signals.isAlive(target)) {
    if (!killed && clock.monotonic() >= killAt) {
      signals.kill(target.pid, 'SIGKILL');
      killed = true;
    }
    await sleep(clock, pollMs, signal);
  }
  return killed ? 'killed' : 'stopped';
}
