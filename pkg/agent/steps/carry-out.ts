import type { Action } from '../decide';
import type { Situation } from '../situation';
import { drain } from './drain';
import { expire } from './expire';
import { look } from './look';
import { create, pullImage } from './make';
import { judge } from './restart';
import { start } from './start';
import { finish, remove, stop } from './stop';

/** Takes the step: changes the world, then what the situation says of it. Throws DriverErrors. */
export async function carryOut(
  action: Exclude<Action, { kind: 'wait' }>,
  situation: Situation,
  signal: AbortSignal,
): Promise<void> {
  switch (action.kind) {
    case 'look':
      return look(situation, signal);
    case 'pull':
      return pullImage(situation, signal);
    case 'create':
      return create(situation, signal);
    case 'start':
      return start(situation, action.container, signal);
    case 'judge':
      return judge(situation, action.container, signal);
    case 'drain':
      return drain(situation, action.container, signal);
    case 'stop':
      return stop(situation, action.container, signal);
    case 'remove':
      return remove(situation, action.container, signal);
    case 'expire':
      return expire(situation);
    case 'finish':
      return finish(situation);
  }
}
