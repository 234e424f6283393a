import { deadline } from '../../../pkg/base/clock';
import { DeadlineError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { Scale } from '../../../pkg/gen/gilliam/v1/scale';
import type { Context } from '../context';
import { InterruptedError } from './describe-error';
import { formatDuration } from './duration';
import { followInstances } from './follow-instances';
import { Progress } from './progress';
import { type ScaleProgress, scaleProgress } from './scale-progress';

export interface ScaleGoal {
  readonly formation: string;
  readonly scale: Scale;
  readonly factors: ReadonlyMap<string, number>;
  readonly timeoutMs: number;
}

/** Waits until exactly the wished instances run; throws DeadlineError saying what stands in the way. */
export async function waitForScale(client: Client, context: Context, goal: ScaleGoal): Promise<void> {
  const { clock, stderr } = context;
  const release = goal.scale.metadata?.name ?? '';
  const progress = new Progress(stderr, clock);
  const limit = deadline(clock, goal.timeoutMs, context.signal);
  let state: ScaleProgress | undefined;
  try {
    const parent = `formations/${goal.formation}`;
    for await (const instances of followInstances(client, parent, { clock, signal: limit.signal })) {
      state = scaleProgress(instances, release, goal.factors);
      if (state.done) return;
      progress.update(`${release} ${state.summary}${state.obstacle ? ` · ${state.obstacle.text}` : ''}`);
    }
  } catch (error) {
    if (context.signal.aborted) {
      throw new InterruptedError(`${release} is scaled, but not all of it runs yet: gilliam ps`, {
        cause: error,
      });
    }
    if (limit.signal.aborted) throw tooLate(release, goal, state);
    throw error;
  } finally {
    limit.dispose();
    progress.dispose();
  }
}

function tooLate(release: string, goal: ScaleGoal, state: ScaleProgress | undefined): DeadlineError {
  const { obstacle, summary = '' } = state ?? {};
  const next = obstacle ? `${obstacle.text}: gilliam why ${obstacle.instance}` : 'gilliam ps';
  return new DeadlineError(
    `${release} is scaled, but after ${formatDuration(goal.timeoutMs)} only ${summary} run: ${next}`,
  );
}
