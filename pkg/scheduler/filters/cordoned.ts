import type { ExecutorLoad } from '../executor-load';
import type { Filter } from './filter';
import { countWords } from './filter';

/** Nobody has closed the executor for new instances. Draining implies cordoned. */
export const cordoned: Filter = {
  clause: 'cordoned',
  passes: (load) => load.isOpen,
  explain: (load) =>
    load.isOpen
      ? 'no, takes new instances'
      : `${load.executor.spec.draining ? 'draining' : 'yes'}, gilliam executor uncordon ${load.name} opens it again`,
  summarize: (refused) => countWords(refused, wordFor),
};

function wordFor({ executor }: ExecutorLoad): string {
  return executor.spec.draining ? 'draining' : 'cordoned';
}
