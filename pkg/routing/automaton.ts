import type { CharSet } from './char-set';
import { SyntaxFault } from './expression';
import type { Expression } from './expression';

/** In how many ways each position is reached. */
export type Weights = ReadonlyMap<number, number>;

/** The expression's positions (Glushkov's automaton), with the number of ways from each to the next. */
export interface Automaton {
  readonly positions: readonly { readonly set: CharSet; readonly column: number }[];
  /** By position; that of `start` leads to the first ones. */
  readonly follow: readonly Weights[];
  readonly start: number;
  /** The positions that a whole text may end at. */
  readonly end: Weights;
}

/** The most positions, counted repetitions written out. */
const MAX_POSITIONS = 2_048;

interface Fragment {
  /** In how many ways it may be empty. */
  readonly empty: number;
  readonly first: Weights;
  readonly last: Weights;
}

const nothing: Fragment = { empty: 1, first: new Map(), last: new Map() };

/** Every way of reading a text is a path of its own, as long as nothing that may be empty is repeated. */
export function automatonOf(expression: Expression): Automaton {
  const positions: { set: CharSet; column: number }[] = [];
  const follow: Map<number, number>[] = [];

  function connect(from: Weights, to: Weights): void {
    for (const [position, ways] of from) {
      const next = follow[position] as Map<number, number>;
      for (const [target, more] of to) next.set(target, (next.get(target) ?? 0) + ways * more);
    }
  }

  function join(left: Fragment, right: Fragment): Fragment {
    connect(left.last, right.first);
    return {
      empty: left.empty * right.empty,
      first: sum(left.first, times(right.first, left.empty)),
      last: sum(right.last, times(left.last, right.empty)),
    };
  }

  function optional(fragment: Fragment): Fragment {
    return { ...fragment, empty: fragment.empty + 1 };
  }

  function build(node: Expression): Fragment {
    switch (node.kind) {
      case 'chars': {
        if (positions.length >= MAX_POSITIONS) {
          throw new SyntaxFault(
            `the expression is too long: counts written out, it has more than ${MAX_POSITIONS} characters`,
            node.column,
          );
        }
        const position = positions.push({ set: node.set, column: node.column }) - 1;
        follow.push(new Map());
        const only = new Map([[position, 1]]);
        return { empty: 0, first: only, last: only };
      }
      case 'group':
        return build(node.item);
      case 'sequence':
        return node.items.map(build).reduce(join, nothing);
      case 'choice':
        return node.options.map(build).reduce((left, right) => ({
          empty: left.empty + right.empty,
          first: sum(left.first, right.first),
          last: sum(left.last, right.last),
        }));
      case 'repeat':
        return repeat(node.item, node.least, node.most);
    }
  }

  function repeat(item: Expression, least: number, most: number): Fragment {
    if (most === Infinity) {
      const body = build(item);
      connect(body.last, body.first);
      return least === 0 ? optional(body) : body;
    }
    // x{1,3} is x(x(x)?)?: read in one way, where xx?x? could be read in several.
    let tail: Fragment = nothing;
    for (let count = most; count > least; count--) tail = optional(join(build(item), tail));
    for (let count = least; count > 0; count--) tail = join(build(item), tail);
    return tail;
  }

  const whole = build(expression);
  follow.push(new Map(whole.first));
  return { positions, follow, start: positions.length, end: whole.last };
}

function sum(left: Weights, right: Weights): Weights {
  const result = new Map(left);
  for (const [position, ways] of right) result.set(position, (result.get(position) ?? 0) + ways);
  return result;
}

function times(weights: Weights, factor: number): Weights {
  if (factor === 1) return weights;
  return factor === 0
    ? new Map()
    : new Map([...weights].map(([position, ways]) => [position, ways * factor]));
}
