import { containerName } from '../container-spec';
import type { Situation } from '../situation';
import { restartIn } from './restart';

/** Asks the engine what there is. */
export async function look(situation: Situation, signal: AbortSignal): Promise<void> {
  const { context, keeper } = situation;
  // Before the question: what happens while it is answered makes it worth another.
  situation.poked = false;
  situation.unsure = true;
  const found = await context.driver.inspect(situation.container?.id ?? expectedName(situation), signal);
  situation.unsure = false;
  if (keeper.status.reason === 'EngineUnavailable') keeper.set({ reason: '', message: '' });
  if (found) return situation.see(found);
  situation.container = undefined;
  const wanted = situation.wish.kind === 'run' && !situation.failed;
  if (wanted && keeper.status.containerId) vanished(situation);
}

function expectedName({ wish, keeper, uid }: Situation): string {
  return 'task' in wish ? containerName(wish.task) : keeper.status.containerId || uid;
}

/** The container of an instance that is to run is gone, and not by us. */
function vanished(situation: Situation): void {
  situation.replacing = true;
  const delayMs = situation.setbacks.vanished();
  restartIn(situation, delayMs, 'its container was removed', { containerId: '' });
  situation.keeper.warn('Vanished', 'its container was removed by somebody else');
}
