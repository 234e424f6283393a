import { backoffMs } from '../../base/backoff';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Instance } from '../../resource/objects';

const backoff = { startMs: 1_000, capMs: 300_000 };

/**
 * How many holders of an ordinal in a row have failed, given the last one. The failures of other releases, and those
 * of commands that somebody ran once, say nothing about these.
 */
export function failuresInARow(last: Instance | undefined, releases: ReadonlySet<string>): number {
  if (last?.status.state !== InstanceState.FAILED || last.spec.oneOff) return 0;
  return releases.has(last.spec.release) ? (last.spec.failedBefore ?? 0) + 1 : 0;
}

/** How long after the last failure the next one is tried. */
export function replacementDelayMs(failures: number): number {
  return backoffMs(backoff, failures - 1);
}
