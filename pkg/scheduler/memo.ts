import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import type { Expression } from './expression';
import { numberOf } from './rank';
import { readsLoad } from './variables';

/** Bounds the memory of a plan: 12 bytes an executor each, so 30 MB at 5,000 executors. */
const MAX_MEMOS = 512;

type AnyExpression = Expression<boolean | number>;

/** The values of all expressions of a plan, remembered across demands that have the same text. */
export class Memos {
  readonly #memos = new Map<string, Memo>();

  constructor(readonly executors: number) {}

  /** How to evaluate the expression for the demand: a rank is a number, a requirement 1 where it is fulfilled. */
  of(expression: AnyExpression, demand: Demand): (load: ExecutorLoad) => number {
    // `nsame` differs between processes; everything else is the same for all.
    const key = expression.reads.variables.has('nsame')
      ? `${demand.process} ${expression.text}`
      : expression.text;
    let memo = this.#memos.get(key);
    if (!memo && this.#memos.size < MAX_MEMOS) {
      memo = new Memo(expression, demand.process, this.executors);
      this.#memos.set(key, memo);
    }
    return memo ? (load) => memo.valueOn(load) : (load) => evaluate(expression, load, demand.process);
  }
}

/**
 * One expression's values on all executors, each remembered until something is placed on that executor: or for the
 * whole plan, when the expression speaks only of what an executor is.
 */
class Memo {
  readonly #values: Float64Array;
  readonly #versions: Uint32Array;
  readonly #fixed: boolean;

  constructor(
    readonly expression: AnyExpression,
    readonly process: string,
    executors: number,
  ) {
    this.#values = new Float64Array(executors);
    this.#versions = new Uint32Array(executors);
    this.#fixed = !readsLoad(expression.reads.variables);
  }

  valueOn(load: ExecutorLoad): number {
    const { index } = load;
    // Versions begin at 1: 0 stands for never.
    const version = this.#fixed ? 1 : load.version;
    if (this.#versions[index] !== version) {
      this.#versions[index] = version;
      this.#values[index] = evaluate(this.expression, load, this.process);
    }
    return this.#values[index] as number;
  }
}

function evaluate(expression: AnyExpression, load: ExecutorLoad, process: string): number {
  const value = expression.evaluate(load.variablesFor(process));
  return typeof value === 'boolean' ? Number(value) : numberOf(value);
}
