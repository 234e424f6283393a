import { backoffMs } from '../../base/backoff';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Instance } from '../../resource/objects';

const backoff = { startMs: 1_000, capMs: 300_000 };

/**
 * How many holders of an ordinal in a row have failed, given the last one. The failures of another release say nothing
 * about this one.
 */
export function failuresInARow(last: Instance | undefined, release: string): number {
  if (last?.status.state !== InstanceState.FAILED || last.spec.release !== release) return 0;
  return (last.spec.failedBefore ?? 0) + 1;
}

/** How long after the last failure the next one is tried. */
export function replacementDelayMs(failures: number): number {
  return backoffMs(backoff, failures - 1);
}
