import { copyFile, rename, stat, truncate } from 'node:fs/promises';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';

export interface AccessLogOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxBytes?: number;
  /** How many older files are kept: `<path>.1` is the newest of them. */
  readonly keep?: number;
  readonly everyMs?: number;
  /** Called before the log is cut: its writer has to append from then on. */
  readonly makeAppend: () => Promise<void>;
  /** Called after. */
  readonly wasCut: () => void;
}

/** Keeps the access log within bounds. Written without us, so that no request waits for us. */
export async function boundAccessLog(options: AccessLogOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, everyMs = 1_000 } = options;
  while (!signal.aborted) {
    try {
      await rotate(options);
    } catch (error) {
      log.warn('the access log cannot be rotated', { error: messageOf(error) });
    }
    await sleep(clock, everyMs, signal).catch(() => {});
  }
}

/**
 * Moves the log aside when it has grown too large. Its writer keeps it open: hence copied and cut. Lines written between
 * the two are lost.
 */
async function rotate(options: AccessLogOptions): Promise<void> {
  const { path, maxBytes = 64 * 1024 * 1024, keep = 3 } = options;
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= maxBytes) return;
  await options.makeAppend();
  for (let n = keep; n > 1; n--) {
    await rename(`${path}.${n - 1}`, `${path}.${n}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  options.wasCut();
}
