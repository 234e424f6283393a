import type { ExecutorLoad } from './executor-load';
import type { Expression } from './expression';
import type { Fleet } from './fleet';
import { numberOf } from './rank';
import { readsLoad } from './variables';

/** Bounds the memory of a plan: 12 bytes an executor each, so 30 MB at 5,000 executors. */
const MAX_MEMOS = 512;

type AnyExpression = Expression<boolean | number>;

/** The values of all expressions of a plan, remembered across demands that have the same text. */
export class Memos {
  readonly #memos = new Map<string, Memo>();

  constructor(readonly fleet: Fleet) {}

  /** Whether the requirement is fulfilled for a process. */
  fulfils(requirement: Expression<boolean>, process: string | undefined): (load: ExecutorLoad) => boolean {
    const value = this.of(requirement, process);
    return (load) => value(load) === 1;
  }

  /** How to evaluate the expression for a process: a rank is a number, a requirement 1 where it is fulfilled. */
  of(expression: AnyExpression, process: string | undefined): (load: ExecutorLoad) => number {
    let memo = this.#memos.get(expression.text);
    if (!memo && this.#memos.size < MAX_MEMOS) {
      memo = new Memo(expression, this.fleet.loads.length);
      this.#memos.set(expression.text, memo);
    }
    if (!memo) return (load) => evaluate(expression, load, process);
    if (process === undefined || !expression.reads.variables.has('nsame')) {
      return (load) => memo.valueOn(load, process);
    }
    // Only where the process has instances already does the value differ from that of other processes.
    const counts = this.fleet.census.of(process);
    return (load) =>
      counts.has(load.index) ? evaluate(expression, load, process) : memo.valueOn(load, process);
  }
}

/**
 * One expression's values on all executors, for processes that have no instance there. Each is remembered until
 * something is placed on that executor: or for the whole plan, when the expression speaks only of what an executor is.
 */
class Memo {
  readonly #values: Float64Array;
  readonly #versions: Uint32Array;
  readonly #fixed: boolean;

  constructor(
    readonly expression: AnyExpression,
    executors: number,
  ) {
    this.#values = new Float64Array(executors);
    this.#versions = new Uint32Array(executors);
    this.#fixed = !readsLoad(expression.reads.variables);
  }

  valueOn(load: ExecutorLoad, process: string | undefined): number {
    const { index } = load;
    // Versions begin at 1: 0 stands for never.
    const version = this.#fixed ? 1 : load.version;
    if (this.#versions[index] !== version) {
      this.#versions[index] = version;
      this.#values[index] = evaluate(this.expression, load, process);
    }
    return this.#values[index] as number;
  }
}

function evaluate(expression: AnyExpression, load: ExecutorLoad, process: string | undefined): number {
  const value = expression.evaluate(load.variablesFor(process));
  return typeof value === 'boolean' ? Number(value) : numberOf(value);
}
