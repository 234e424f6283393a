import { startedAgainMessage } from '../../resource/restart-message';
import type { Container } from '../driver';
import type { Situation } from '../situation';

/** Starts the container, for the first time or again. */
export async function start(situation: Situation, container: Container, signal: AbortSignal): Promise<void> {
  const { driver, starts, network } = situation.context;
  const { keeper, setbacks, step } = situation;
  const again = container.state === 'exited' || situation.replacing;
  const begun = await starts.run(async () => {
    // It may have waited for its turn, and something else be wished now.
    if (step.signal.aborted || signal.aborted) return false;
    // It may be given the address of one that has ended: that is nobody's by then.
    await network?.instancesTold(AbortSignal.any([signal, step.signal]));
    if (step.signal.aborted || signal.aborted) return false;
    const begin = () => driver.start(container.id, signal);
    await (situation.once ? situation.once.start(container, begin) : begin());
    return true;
  });
  if (!begun) return;
  setbacks.started();
  situation.judged = false;
  situation.replacing = false;
  if (again) {
    const restarts = keeper.status.restarts + 1;
    keeper.set({ restarts, message: startedAgainMessage(situation.ended) });
    keeper.event('Restarted', `restart ${restarts}`);
  }
  situation.container = { ...container, state: 'running', startedMs: undefined, finishedMs: undefined };
  const { wish } = situation;
  const checked = wish.kind === 'run' && wish.task.process.health?.check !== undefined;
  // Its address, which it has only now, is needed to check and to announce it, and by those who ask whose it is; else no
  // time is lost on looking.
  situation.unsure = checked || situation.context.network !== undefined;
}
