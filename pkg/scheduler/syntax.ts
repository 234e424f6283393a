import type { ASTNode } from '@marcbachmann/cel-js';
import { isVariable, type Variable } from './variables';

/**
 * The functions that expressions may call. Each of them costs no more than the length of what it is given, and none
 * binds a value to a name: so no expression of bounded length can take long or grow large. `matches` backtracks
 * (10 s on 30 characters), `map` and `cel.bind` can double a text at each step, `dyn` evades the type check.
 */
const functions = new Set([
  'bool',
  'contains',
  'double',
  'endsWith',
  'has',
  'int',
  'lowerAscii',
  'size',
  'startsWith',
  'string',
  'trim',
  'upperAscii',
]);

/** Loops over a map or list; not within one another, for the cost would be the product. */
const loops = new Set(['all', 'exists', 'exists_one']);

/** Something that an expression must not contain. */
export interface Refusal {
  readonly message: string;
  /** Where, as an offset into the text. */
  readonly start: number;
}

/** What an expression speaks of. */
export interface Reads {
  readonly variables: ReadonlySet<Variable>;
  /** Tags that are asked for by name: `tags.zone`, `tags["zone"]`. */
  readonly tags: ReadonlySet<string>;
}

/** Walks the tree: what is refused, or what is read. */
export function inspect(root: ASTNode): { readonly refusal: Refusal } | { readonly reads: Reads } {
  const variables = new Set<Variable>();
  const tags = new Set<string>();
  let refusal: Refusal | undefined;

  const visit = (node: ASTNode, inLoop: boolean): void => {
    if (node.op === 'id' && isVariable(node.args)) variables.add(node.args);
    const tag = tagOf(node);
    if (tag !== undefined) tags.add(tag);
    const called = calledBy(node);
    if (called !== undefined) refusal ??= refuse(called, node, inLoop);
    const within = inLoop || (called !== undefined && loops.has(called));
    for (const child of childrenOf(node)) visit(child, within);
  };
  visit(root, false);
  return refusal ? { refusal } : { reads: { variables, tags } };
}

function refuse(called: string, node: ASTNode, inLoop: boolean): Refusal | undefined {
  const { start } = node;
  if (loops.has(called)) {
    return inLoop ? { message: `${called}() within another loop is not allowed`, start } : undefined;
  }
  if (functions.has(called)) return undefined;
  const instead =
    called === 'matches'
      ? 'use startsWith(), endsWith() or contains()'
      : `use ${[...functions, ...loops].sort().join(', ')}`;
  return { message: `${called}() is not allowed: ${instead}`, start };
}

function calledBy(node: ASTNode): string | undefined {
  return node.op === 'call' || node.op === 'rcall' ? node.args[0] : undefined;
}

function tagOf(node: ASTNode): string | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [owner, key] = node.args;
  if (owner.op !== 'id' || owner.args !== 'tags') return undefined;
  if (typeof key === 'string') return key;
  return key.op === 'value' && typeof key.args === 'string' ? key.args : undefined;
}

// By shape, not by operator: arguments are nodes, names, or lists of either, whatever the operator.
function childrenOf(node: ASTNode): ASTNode[] {
  if (node.op === 'value') return [];
  const found: ASTNode[] = [];
  const collect = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(collect);
    else if (isNode(part)) found.push(part);
  };
  collect(node.args);
  return found;
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part;
}
