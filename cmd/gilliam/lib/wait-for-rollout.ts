import { InternalError, PreconditionError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import { type Rollout, RolloutPhase, RolloutSpec_Intent } from '../../../pkg/gen/gilliam/v1/rollout';
import type { Context } from '../context';
import { InterruptedError } from './describe-error';
import { followRollout } from './follow-rollout';
import { Progress } from './progress';
import { waitingText } from './rollout-view';

export interface RolloutWait {
  readonly client: Client;
  readonly context: Context;
  /** Told of each step, in words. */
  readonly onStep: (line: string) => void;
}

const { SUCCEEDED, ABORTED, ABORTING, PAUSED } = RolloutPhase;

/**
 * Waits until the rollout has succeeded, has been taken back, or pauses at its canary. A signal ends the waiting and
 * not the rollout: throws InterruptedError, which says so.
 */
export async function waitForRollout(
  begun: Rollout,
  { client, context, onStep }: RolloutWait,
): Promise<Rollout> {
  const progress = new Progress(context.stderr, context.clock);
  let said = '';
  try {
    for await (const rollout of followRollout(client, begun, context)) {
      if (hasStopped(rollout)) return rollout;
      const line = lineOf(rollout);
      if (line !== said && line !== '') {
        progress.dispose();
        onStep(line);
      }
      said = line;
      progress.update(`to ${rollout.spec?.to}`);
    }
    throw new InternalError('the rollout is followed no more: gilliam events');
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new InterruptedError(
      `the rollout to ${begun.spec?.to} goes on: gilliam events shows it, gilliam abort takes it back`,
      { cause: error },
    );
  } finally {
    progress.dispose();
  }
}

/** Throws PreconditionError for one that was taken back, with the reason. */
export function requireTakenOver(rollout: Rollout): void {
  const { spec, status } = rollout;
  if (status?.phase !== ABORTED) return;
  throw new PreconditionError(
    `the rollout to ${spec?.to} was taken back (${status.reason}): ${status.message}: gilliam logs, gilliam events`,
  );
}

function hasStopped({ spec, status }: Rollout): boolean {
  const phase = status?.phase;
  if (phase === SUCCEEDED || phase === ABORTED) return true;
  return phase === PAUSED && spec?.intent === RolloutSpec_Intent.PROCEED;
}

function lineOf({ spec, status }: Rollout): string {
  if (!status) return '';
  if (status.phase !== ABORTING) return status.message;
  return `${spec?.to} is taken back: ${status.message}${waitingText(status)}`;
}
