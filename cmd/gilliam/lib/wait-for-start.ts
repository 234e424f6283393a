import { deadline } from '../../../pkg/base/clock';
import type { Client } from '../../../pkg/client/client';
import { type Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { isFinished } from '../../../pkg/resource/instance';
import type { Context } from '../context';
import { followInstances } from './follow-instances';

/** What has to be fetched first, or is slow for other reasons, is not waited for to the end. */
const patienceMs = 10_000;

/**
 * The instance as soon as it is known whether it has started: it runs, it is over, or nothing can take it. Undefined where
 * that takes longer than a moment.
 */
export async function waitForStart(
  client: Client,
  { parent, uid }: { readonly parent: string; readonly uid: string },
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
): Promise<Instance | undefined> {
  const limit = deadline(clock, patienceMs, signal);
  try {
    for await (const all of followInstances(client, parent, { clock, signal: limit.signal })) {
      const found = all.find(({ metadata }) => metadata?.uid === uid);
      if (found && isDecided(found)) return found;
    }
  } catch (error) {
    if (!limit.signal.aborted || signal.aborted) throw error;
  } finally {
    limit.dispose();
  }
  return undefined;
}

function isDecided({ status }: Instance): boolean {
  const state = status?.state ?? InstanceState.UNSPECIFIED;
  const waits = state === InstanceState.PENDING && status?.reason !== '';
  return state === InstanceState.RUNNING || isFinished(state) || waits;
}
