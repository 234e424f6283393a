import { ANYTHING, OTHERS, charsOf, without } from './char-set';
import type { CharSet } from './char-set';
import type { Expression } from './expression';

/**
 * The expression in one form: what was written in different ways, and says the same character by character, prints
 * alike. JavaScript and PCRE read it the same way. Only variables capture, and only where `capture` says so.
 */
export function printExpression(expression: Expression, capture: boolean): string {
  switch (expression.kind) {
    case 'chars':
      return printSet(expression.set);
    case 'sequence':
      return expression.items
        .map((item) =>
          item.kind === 'choice' ? `(?:${printExpression(item, capture)})` : printExpression(item, capture),
        )
        .join('');
    case 'choice':
      return expression.options.map((option) => printExpression(option, capture)).join('|');
    case 'repeat':
      return `${printRepeated(expression.item, capture)}${quantifier(expression.least, expression.most)}`;
    case 'group': {
      const inner = printExpression(expression.item, capture);
      if (capture) return `(${inner})`;
      return expression.item.kind === 'choice' ? `(?:${inner})` : inner;
    }
  }
}

function printRepeated(item: Expression, capture: boolean): string {
  const inner = printExpression(item, capture);
  return item.kind === 'chars' ? inner : `(?:${inner})`;
}

function quantifier(least: number, most: number): string {
  if (most === Infinity) return least === 0 ? '*' : '+';
  if (least === 0 && most === 1) return '?';
  return least === most ? `{${least}}` : `{${least},${most}}`;
}

function printSet(set: CharSet): string {
  if (set === ANYTHING) return '.';
  // Whatever is not ASCII can be left out, but not named.
  if (set & OTHERS) return `[^${printRanges(charsOf(without(ANYTHING, set)))}]`;
  const chars = charsOf(set);
  const [only] = chars;
  return chars.length === 1 && only !== undefined ? escapeText(only) : `[${printRanges(chars)}]`;
}

function printRanges(chars: readonly string[]): string {
  const ranges: string[] = [];
  for (let index = 0; index < chars.length;) {
    let end = index;
    while (chars[end + 1]?.charCodeAt(0) === (chars[end] as string).charCodeAt(0) + 1) end++;
    const from = escapeInClass(chars[index] as string);
    const to = escapeInClass(chars[end] as string);
    // A range of two is no shorter than the two.
    ranges.push(end === index ? from : end === index + 1 ? `${from}${to}` : `${from}-${to}`);
    index = end + 1;
  }
  return ranges.join('');
}

function escapeInClass(char: string): string {
  return '\\]^-['.includes(char) ? `\\${char}` : char;
}

/** The text as an expression that matches it and nothing else. */
export function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, (char) => ('\\^[]'.includes(char) ? `\\${char}` : `[${char}]`));
}
