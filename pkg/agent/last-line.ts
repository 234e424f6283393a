import type { Driver } from './driver';
import { unrunnable } from './terminal/unrunnable';

const lookedAt = 20;
const maxCharacters = 300;

/**
 * The last line that a container printed as an error, or at all: mostly why it exited. Undefined when it printed
 * none or its logs cannot be read, since a reason is worth having, but not worth failing for.
 */
export async function lastLine(driver: Driver, id: string, signal: AbortSignal): Promise<string | undefined> {
  const line = await lastPrinted(driver, id, signal);
  if (line === undefined) return undefined;
  // One that could not be begun has said nothing itself.
  return unrunnable(line)?.line ?? line.slice(0, maxCharacters);
}

async function lastPrinted(driver: Driver, id: string, signal: AbortSignal): Promise<string | undefined> {
  let any: string | undefined;
  let error: string | undefined;
  try {
    for await (const entries of driver.logs(id, { follow: false, tailLines: lookedAt }, signal)) {
      for (const entry of entries) {
        const line = entry.line.toString('utf8').trim();
        if (!line) continue;
        any = line;
        if (entry.stream === 'stderr') error = line;
      }
    }
  } catch {
    return error ?? any;
  }
  return error ?? any;
}
