import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Container } from '../driver';
import { identityOfContainer } from '../labels';
import type { DrainOutcome } from '../network/drain';
import { formatDelay } from '../restart-policy';
import type { Situation } from '../situation';

/**
 * Invariant 7: out of routing first. Whoever sends requests here is told, and confirms that it sends none any more;
 * the drain time bounds how long that is waited for.
 */
export async function drain(situation: Situation, container: Container, signal: AbortSignal): Promise<void> {
  const { exposure, keeper, step, wish } = situation;
  if (wish.kind === 'stop') {
    keeper.set({ state: InstanceState.STOPPING, ready: false, reason: '', message: '' });
  }
  // The drain time is the label's: a task may come without its process when the release is gone already.
  const identity = identityOfContainer(container);
  situation.draining = true;
  try {
    const either = AbortSignal.any([signal, step.signal]);
    const outcome = await exposure?.drain(identity, identity.drainMs, either);
    situation.drained = true;
    const shortcoming = outcome && shortcomingOf(outcome, identity.drainMs);
    if (shortcoming !== undefined) keeper.warn('DrainIncomplete', shortcoming);
  } finally {
    situation.draining = false;
  }
}

/** Why requests may be lost now; undefined when none can be. */
function shortcomingOf(outcome: DrainOutcome, drainMs: number): string | undefined {
  if (outcome.kind === 'silent') {
    return `stopped without being drained: the network daemon of its executor does not answer (${outcome.message})`;
  }
  const { missing } = outcome;
  if (missing.length === 0) return undefined;
  const who = missing.join(', ');
  return `stopped before its requests were known to have ended: ${who} had not confirmed after ${formatDelay(drainMs)}`;
}
