import type { Readable } from 'node:stream';
import type { ContainerEvent } from '../driver';
import { EngineUnavailable } from '../driver-errors';
import { labels } from '../labels';
import { driverError } from './docker-errors';
import { chunksOf, jsonLines } from './streams';

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID: string; readonly Attributes?: Record<string, string> };
}

const actions: Record<string, ContainerEvent['action']> = {
  start: 'started',
  die: 'exited',
  destroy: 'removed',
};

function about({ ID, Attributes }: NonNullable<EngineEvent['Actor']>): Omit<ContainerEvent, 'action'> {
  const exitCode = Attributes?.exitCode;
  const uid = Attributes?.[labels.instance] ?? '';
  return { id: ID, uid, ...(exitCode !== undefined && { exitCode: Number(exitCode) }) };
}

/** What the engine's event stream tells; throws EngineUnavailable when the engine ends it. */
export async function* readEvents(stream: Readable, signal: AbortSignal): AsyncGenerator<ContainerEvent> {
  try {
    for await (const line of jsonLines(chunksOf(stream, signal))) {
      const { Action, Actor } = line as EngineEvent;
      const action = actions[Action ?? ''];
      if (action && Actor) yield { ...about(Actor), action };
    }
  } catch (error) {
    throw driverError('list', error);
  }
  if (!signal.aborted)
    throw new EngineUnavailable('the Docker Engine does not answer: it ended its event stream');
}
