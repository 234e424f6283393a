import { messageOf } from '../../base/errors';
import {
  BadCommand,
  ContainerGone,
  EngineUnavailable,
  ImageMissing,
  PortTaken,
  PullFailed,
  SpecRefused,
} from '../driver-errors';
import { formatDelay } from '../restart-policy';
import type { Situation } from '../situation';

/** What a failed step leads to: the error's class says. */
export function cope(situation: Situation, error: unknown): void {
  if (error instanceof ContainerGone) situation.unsure = true;
  else if (error instanceof ImageMissing && mayPull(situation)) {
    situation.pull = true;
    situation.unsure = false;
  } else if (error instanceof ImageMissing || error instanceof BadCommand || error instanceof SpecRefused) {
    situation.fail(error.reason, error.message);
  } else if (error instanceof PullFailed) pullFailed(situation, error);
  else if (error instanceof PortTaken) portTaken(situation, error);
  else if (error instanceof EngineUnavailable) engineSilent(situation, error);
  else fault(situation, error);
}

/** Once: an image that is not there after a pull will not be there after another. */
function mayPull({ context, pull, pulled, task }: Situation): boolean {
  return !pulled && !pull && context.puller.canPull(task.image);
}

function pullFailed({ setbacks, keeper }: Situation, { reason, message }: PullFailed): void {
  const delayMs = setbacks.pullFailed();
  keeper.warn(reason, message);
  keeper.set({ reason, message: `${message}; retrying in ${formatDelay(delayMs)}` });
}

function portTaken(situation: Situation, { reason, message, port }: PortTaken): void {
  const { keeper, uid } = situation;
  const { ports } = situation.context;
  // Nobody asked for another one.
  if (situation.oneOffSpec?.ports.some(({ hostPort }) => hostPort === port)) {
    return situation.fail(reason, message);
  }
  for (const taken of port === undefined ? ports.heldBy(uid) : [port]) ports.avoid(uid, taken);
  situation.setbacks.portTaken();
  // Ports are fixed when a container is made: another port needs another container.
  situation.discard = situation.container !== undefined;
  situation.replacing ||= situation.container?.state === 'exited';
  keeper.warn(reason, message);
  keeper.set({ ready: false, reason, message: `${message}; trying another` });
}

function engineSilent(situation: Situation, { reason, message }: EngineUnavailable): void {
  situation.unsure = true;
  situation.setbacks.engineSilent();
  // What is ready is so without the engine, too.
  if (!situation.keeper.status.ready) situation.keeper.set({ reason, message });
}

/** The engine's own failures, and ours. */
function fault(situation: Situation, error: unknown): void {
  const message = messageOf(error);
  const { kind } = situation.wish;
  situation.log.warn('a step of an instance failed', { error: message, wish: kind });
  situation.unsure = true;
  const delayMs = situation.setbacks.faulted();
  if (kind !== 'run') return;
  if (delayMs === undefined) return situation.fail('StartFailed', message);
  const told = `${message}; retrying in ${formatDelay(delayMs)}`;
  situation.keeper.set({ ready: false, reason: 'StartFailed', message: told });
}
