import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../../pkg/stage/lock';

const waitMs = 120_000;

/** Does the work while no other process of tests on this machine does what is called the same. */
export async function exclusively<T>(what: string, work: () => Promise<T>): Promise<T> {
  const path = join(tmpdir(), `gilliam-e2e-${what}.lock`);
  const endMs = performance.now() + waitMs;
  for (;;) {
    let begun = false;
    try {
      return await withLock(path, what, () => {
        begun = true;
        return work();
      });
    } catch (error) {
      if (begun || performance.now() > endMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
