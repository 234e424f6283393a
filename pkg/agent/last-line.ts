import type { Driver } from './driver';
import { lastWords } from './last-words';
import { unrunnable } from './terminal/unrunnable';

const lookedAt = 40;
const maxCharacters = 300;

/**
 * The last that a container said as an error, or at all: mostly why it exited. Undefined when it printed
 * none or its logs cannot be read, since a reason is worth having, but not worth failing for.
 */
export async function lastLine(driver: Driver, id: string, signal: AbortSignal): Promise<string | undefined> {
  const line = await lastPrinted(driver, id, signal);
  if (line === undefined) return undefined;
  // One that could not be begun has said nothing itself.
  return unrunnable(line)?.line ?? line.slice(0, maxCharacters);
}

async function lastPrinted(driver: Driver, id: string, signal: AbortSignal): Promise<string | undefined> {
  const any: string[] = [];
  const errors: string[] = [];
  try {
    for await (const entries of driver.logs(id, { follow: false, tailLines: lookedAt }, signal)) {
      for (const entry of entries) {
        const line = entry.line.toString('utf8');
        any.push(line);
        if (entry.stream === 'stderr') errors.push(line);
      }
    }
  } catch {
    // What was read is more than nothing.
  }
  return lastWords(errors) ?? lastWords(any);
}
