import { quote } from '../../resource/names';
import { formatBytes, formatCpu } from '../../resource/quantity';
import type { Demand } from '../demand';
import type { ExecutorLoad } from '../executor-load';
import type { Expression } from '../expression';
import { Fault } from '../expression';
import type { Variable, Variables } from '../variables';
import type { Filter } from './filter';

/** How many tags are shown where an expression speaks of all. */
const MAX_TAGS_SHOWN = 5;

/** Whether a requirement is true of an executor, by somebody who remembers. */
export type IsFulfilled = (load: ExecutorLoad) => boolean;

/** A CEL expression of the process is true of the executor. One that has no value there is not. */
export function requirementFilter(expression: Expression<boolean>, isFulfilled?: IsFulfilled): Filter {
  const valueOn = (load: ExecutorLoad, demand: Demand): boolean | Fault =>
    expression.evaluate(load.variablesFor(demand.process));
  return {
    clause: expression.text,
    passes: (load, demand) => isFulfilled?.(load) ?? valueOn(load, demand) === true,
    explain: (load, demand) =>
      explainValue(expression, valueOn(load, demand), load.variablesFor(demand.process)),
    summarize: (refused) => {
      const one = refused.length === 1;
      const what =
        expression.violation !== undefined
          ? 'cannot be asked for'
          : one
            ? 'does not fulfil'
            : 'do not fulfil';
      return `${refused.length} ${what} ${shorten(expression.text)}`;
    },
  };
}

/** `tags.zone is "b", ncont is 3`, behind why there is no value, where there is none. */
export function explainValue(
  expression: Expression<boolean | number>,
  value: boolean | number | Fault,
  variables: Variables,
): string {
  const values = describeReads(expression, variables);
  if (!(value instanceof Fault)) return values || `is always ${value}`;
  // That a tag is not set is among the values.
  if (value.missingTag && values !== '') return values;
  return values === '' ? value.message : `${value.message} (${values})`;
}

function describeReads({ reads }: Expression<boolean | number>, variables: Variables): string {
  const parts = [...reads.tags].map((tag) => {
    const value = variables.tags.get(tag);
    return value === undefined ? `tag ${tag} is not set` : `tags.${tag} is ${quote(value)}`;
  });
  for (const variable of reads.variables) {
    if (variable === 'tags' && reads.tags.size > 0) continue;
    parts.push(variable === 'tags' ? describeTags(variables) : `${variable} is ${show(variable, variables)}`);
  }
  return parts.join(', ');
}

function describeTags({ tags }: Variables): string {
  if (tags.size === 0) return 'no tags are set';
  const shown = [...tags].slice(0, MAX_TAGS_SHOWN).map(([name, value]) => `${name}=${quote(value)}`);
  return `tags are ${shown.join(' ')}${tags.size > MAX_TAGS_SHOWN ? ' …' : ''}`;
}

function show(variable: Exclude<Variable, 'tags'>, variables: Variables): string {
  const value = variables[variable];
  if (typeof value === 'string') return quote(value);
  if (variable.startsWith('memory')) return `${value} (${formatBytes(value)})`;
  if (variable.startsWith('cpu')) return `${value} (${formatCpu(Number(value))})`;
  return String(value);
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
