import { InstanceState } from '../../gen/gilliam/v1/instance';
import { containerName } from '../container-spec';
import type { Situation } from '../situation';
import { restartIn } from './restart';

/** Asks the engine what there is. */
export async function look(situation: Situation, signal: AbortSignal): Promise<void> {
  const { context, keeper } = situation;
  // Before the question: what happens while it is answered makes it worth another.
  situation.poked = false;
  situation.unsure = true;
  const { heard } = situation.ends;
  const found = await context.driver.inspect(situation.container?.id ?? expectedName(situation), signal);
  situation.unsure = false;
  situation.ends.seen = heard;
  if (keeper.status.reason === 'EngineUnavailable') keeper.set({ reason: '', message: '' });
  if (found) return situation.see(found);
  situation.container = undefined;
  const wanted = situation.wish.kind === 'run' && !situation.failed;
  if (wanted && situation.once) return goneOnce(situation);
  if (wanted && keeper.status.containerId) vanished(situation);
}

function expectedName({ wish, keeper, uid }: Situation): string {
  return 'task' in wish ? containerName(wish.task) : keeper.status.containerId || uid;
}

/** What runs once is not begun again: not even when nobody knows how it ended. */
function goneOnce({ once, keeper }: Situation): void {
  const { containerId, exitCode, state } = keeper.status;
  const begun = containerId !== '' || exitCode !== undefined || state === InstanceState.RUNNING;
  if (!begun || !once) return;
  const known = exitCode !== undefined || once.over;
  if (!known) keeper.set({ reason: 'Vanished', message: 'its container was removed by somebody else' });
  once.refuse(125, 'its container was removed by somebody else');
}

/** The container of an instance that is to run is gone, and not by us. */
function vanished(situation: Situation): void {
  situation.replacing = true;
  const delayMs = situation.setbacks.vanished();
  restartIn(situation, delayMs, 'its container was removed', { containerId: '' });
  situation.keeper.warn('Vanished', 'its container was removed by somebody else');
}
