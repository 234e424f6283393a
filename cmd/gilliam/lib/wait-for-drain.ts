import { deadline } from '../../../pkg/base/clock';
import { DeadlineError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import { type Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { isFinished } from '../../../pkg/resource/instance';
import type { Context } from '../context';
import { InterruptedError } from './describe-error';
import { formatDuration } from './duration';
import { followInstances } from './follow-instances';
import { shortName } from './instance-line';
import { Progress } from './progress';

/** Waits until nothing runs on the executor; throws DeadlineError naming what still does. */
export async function waitForDrain(
  client: Client,
  context: Context,
  goal: { readonly executor: string; readonly timeoutMs: number },
): Promise<void> {
  const { clock, stderr } = context;
  const progress = new Progress(stderr, clock);
  const limit = deadline(clock, goal.timeoutMs, context.signal);
  let left: readonly Instance[] = [];
  try {
    for await (const instances of followInstances(client, 'formations/-', { clock, signal: limit.signal })) {
      left = instances.filter(
        ({ spec, status }) =>
          spec?.executor === goal.executor && !isFinished(status?.state ?? InstanceState.UNSPECIFIED),
      );
      if (left.length === 0) return;
      progress.update(`${goal.executor}: ${left.length} left: ${namesOf(left)}`);
    }
  } catch (error) {
    if (context.signal.aborted) {
      throw new InterruptedError(`${goal.executor} goes on draining: gilliam executors`, { cause: error });
    }
    if (!limit.signal.aborted) throw error;
    throw new DeadlineError(
      `${goal.executor} is draining, but after ${formatDuration(goal.timeoutMs)} it still runs ${namesOf(left)}: gilliam ps -A`,
      { cause: error },
    );
  } finally {
    limit.dispose();
    progress.dispose();
  }
}

const shownNames = 5;

function namesOf(instances: readonly Instance[]): string {
  const names = instances.map((instance) => `${instance.metadata?.formation}/${shortName(instance)}`).sort();
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : '';
  return names.slice(0, shownNames).join(', ') + more;
}
