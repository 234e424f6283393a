import type { CharSet } from './char-set';

/** A regular expression, understood. `column` is where it begins, from 1, for errors. */
export type Expression =
  | { readonly kind: 'chars'; readonly set: CharSet; readonly column: number }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[]; readonly column: number }
  | { readonly kind: 'choice'; readonly options: readonly Expression[]; readonly column: number }
  | {
      readonly kind: 'repeat';
      readonly item: Expression;
      readonly least: number;
      /** Infinity for `*` and `+`. */
      readonly most: number;
      readonly column: number;
    }
  /** A variable's: the same as its item, captured. */
  | { readonly kind: 'group'; readonly item: Expression; readonly column: number };

/** What is wrong with a text, and where. Caught by whoever knows which field the text is. */
export class SyntaxFault extends Error {
  constructor(
    message: string,
    /** From 1. */
    readonly column: number,
  ) {
    super(message);
  }
}

/** Whether the empty text matches. */
export function mayBeEmpty(expression: Expression): boolean {
  switch (expression.kind) {
    case 'chars':
      return false;
    case 'sequence':
      return expression.items.every(mayBeEmpty);
    case 'choice':
      return expression.options.some(mayBeEmpty);
    case 'repeat':
      return expression.least === 0 || mayBeEmpty(expression.item);
    case 'group':
      return mayBeEmpty(expression.item);
  }
}

/** All characters that occur in what matches. */
export function charactersOf(expression: Expression): CharSet {
  switch (expression.kind) {
    case 'chars':
      return expression.set;
    case 'sequence':
      return expression.items.reduce((set, item) => set | charactersOf(item), 0n);
    case 'choice':
      return expression.options.reduce((set, option) => set | charactersOf(option), 0n);
    case 'repeat':
    case 'group':
      return charactersOf(expression.item);
  }
}
