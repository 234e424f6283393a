import { deadline } from '../../base/clock';
import { messageOf } from '../../base/errors';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Container } from '../driver';
import { identityOfContainer } from '../labels';
import type { Situation } from '../situation';

/** How long it may take to take over what a container has printed. */
const keepLogsMs = 20_000;

/** SIGTERM, the grace period, SIGKILL. */
export async function stop(situation: Situation, container: Container, signal: AbortSignal): Promise<void> {
  if (situation.wish.kind === 'stop') {
    situation.keeper.set({ state: InstanceState.STOPPING, ready: false, reason: '', message: '' });
  }
  // The grace period is the label's: a task may come without its process when the release is gone already.
  await situation.context.driver.stop(container.id, identityOfContainer(container).graceMs, signal);
  situation.unsure = true;
}

/** Removes what does not run. */
export async function remove(situation: Situation, container: Container, signal: AbortSignal): Promise<void> {
  if (container.state === 'exited') await keepLogs(situation, container, signal);
  await situation.context.driver.remove(container.id, signal);
  situation.container = undefined;
  situation.discard = false;
  const exit = container.state === 'exited' ? { exitCode: container.exitCode } : {};
  situation.keeper.set({ containerId: '', ...exit });
}

/** What it has printed outlives it. That it cannot be kept is no reason to keep the container. */
async function keepLogs(
  { context, keeper, log }: Situation,
  container: Container,
  signal: AbortSignal,
): Promise<void> {
  const { archive, driver, clock } = context;
  // Of what somebody was attached to, nothing is kept.
  if (!archive || keeper.identity.oneOff?.attached) return;
  const limit = deadline(clock, keepLogsMs, signal);
  try {
    await archive.keep(
      keeper.identity,
      container.id,
      driver.logs(container.id, { follow: false }, limit.signal),
    );
  } catch (error) {
    log.warn('what an instance has printed could not be kept', { error: messageOf(error) });
  } finally {
    limit.dispose();
  }
}

/** Nothing is left of it here, as was wished. */
export function finish(situation: Situation): void {
  const { wish, keeper, once } = situation;
  situation.finished = true;
  situation.releasePorts();
  if (wish.kind === 'stop') {
    keeper.set({ state: InstanceState.STOPPED, ready: false, reason: '', message: '' });
    once?.refuse(125, 'it was stopped before it ran');
  }
  // It has run, and says itself how that ended.
  if (wish.kind === 'run') keeper.set({ state: InstanceState.STOPPED, ready: false });
}
