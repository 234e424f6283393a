import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { ENGINE_SILENT } from '../../resource/executor-reason';
import type { ExecutorLoad } from '../executor-load';
import type { Filter } from './filter';
import { countWords } from './filter';

const words: Partial<Record<ExecutorState, string>> = {
  [ExecutorState.JOINING]: 'joining',
  [ExecutorState.DISCONNECTED]: 'disconnected',
  [ExecutorState.LOST]: 'lost',
};

/** The executor is connected, and done with stopping what it should not run. */
export const ready: Filter = {
  clause: 'ready',
  passes: (load) => load.isReady,
  explain: (load) => {
    if (load.isReady) return 'connected';
    const { message } = load.executor.status;
    return message === '' ? wordFor(load) : `${wordFor(load)}: ${message}`;
  },
  summarize: (refused) => countWords(refused, wordFor),
};

function wordFor({ executor: { status } }: ExecutorLoad): string {
  if (status.reason === ENGINE_SILENT) return 'without engine';
  return words[status.state] ?? 'not ready';
}
