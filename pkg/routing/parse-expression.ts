import { ANYTHING, DIGITS, NOTHING, WORD, charSet, isPrintable, rangeSet, without } from './char-set';
import type { CharSet } from './char-set';
import { SyntaxFault, mayBeEmpty } from './expression';
import type { Expression } from './expression';

/** The longest expression, in characters. */
export const MAX_EXPRESSION = 256;
const MAX_REPEAT = 100;
const MAX_DEPTH = 8;

export interface Parsed {
  readonly expression: Expression;
  /** The index of the first character that is no part of it: the end of the text, or a `}` that nothing opened. */
  readonly end: number;
}

/**
 * Parses the regular expression that begins at the index of the text. Takes what means the same to JavaScript and to
 * PCRE and can be matched without looking back: characters, `.`, classes, `\d` and `\w`, groups, `|`, and the
 * quantifiers `*`, `+`, `?`, `{n}` and `{n,m}`. Throws SyntaxFault for the rest.
 */
export function parseExpression(text: string, start = 0): Parsed {
  const parser = new Parser(text, start);
  const expression = parser.choice(0);
  if (parser.at < text.length && text[parser.at] === ')') throw parser.fault('nothing opens this `)`');
  if (parser.at - start > MAX_EXPRESSION) {
    throw new SyntaxFault(`the expression is longer than ${MAX_EXPRESSION} characters`, start + 1);
  }
  return { expression, end: parser.at };
}

class Parser {
  constructor(
    private readonly text: string,
    public at: number,
  ) {}

  fault(message: string, at = this.at): SyntaxFault {
    return new SyntaxFault(message, at + 1);
  }

  choice(depth: number): Expression {
    if (depth > MAX_DEPTH) throw this.fault(`groups are nested deeper than ${MAX_DEPTH}`);
    const column = this.at + 1;
    const options = [this.#sequence(depth)];
    while (this.#take('|')) options.push(this.#sequence(depth));
    return options.length === 1 && options[0] ? options[0] : { kind: 'choice', options, column };
  }

  #sequence(depth: number): Expression {
    const column = this.at + 1;
    const items: Expression[] = [];
    while (this.at < this.text.length && !'|)}'.includes(this.text[this.at] as string)) {
      items.push(this.#quantified(depth));
    }
    return items.length === 1 && items[0] ? items[0] : { kind: 'sequence', items, column };
  }

  #quantified(depth: number): Expression {
    const item = this.#atom(depth);
    const quantifierAt = this.at;
    const bounds = this.#quantifier();
    if (!bounds) return item;
    if ('*+?{'.includes(this.text[this.at] ?? ' ')) {
      throw this.fault(
        this.text[this.at] === '{' || this.text[this.at] === '*'
          ? 'a quantifier cannot be repeated'
          : 'lazy and possessive quantifiers are not supported: leave this out',
      );
    }
    if (mayBeEmpty(item)) {
      throw this.fault('what is repeated here may be empty, which could run away', quantifierAt);
    }
    return { kind: 'repeat', item, ...bounds, column: item.column };
  }

  #quantifier(): { least: number; most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Infinity };
    if (this.#take('+')) return { least: 1, most: Infinity };
    if (this.#take('?')) return { least: 0, most: 1 };
    const start = this.at;
    if (!this.#take('{')) return undefined;
    const found = /^([0-9]{1,4})(?:(,)([0-9]{0,4}))?\}/.exec(this.text.slice(this.at));
    if (!found) throw this.fault('a count has the form {n} or {n,m}; write \\{ for the character', start);
    if (found[2] !== undefined && found[3] === '') {
      throw this.fault('a count without an upper bound is not supported: use *, + or {n,m}', start);
    }
    const least = Number(found[1]);
    const most = found[3] === undefined ? least : Number(found[3]);
    if (most < least || most === 0)
      throw this.fault(`{${least},${most}} is no count: the second is too small`, start);
    if (most > MAX_REPEAT) throw this.fault(`a count is at most ${MAX_REPEAT}`, start);
    this.at += found[0].length;
    return { least, most };
  }

  #atom(depth: number): Expression {
    const column = this.at + 1;
    const char = this.text[this.at] as string;
    if (!isPrintable(char)) {
      throw this.fault('only printable ASCII is supported in an expression: write it percent-encoded');
    }
    switch (char) {
      case '(':
        return this.#group(depth);
      case '[':
        return { kind: 'chars', set: this.#class(), column };
      case '.':
        this.at++;
        return { kind: 'chars', set: ANYTHING, column };
      case '\\':
        return { kind: 'chars', set: this.#escape(), column };
      case '^':
      case '$':
        throw this.fault(
          `an expression always matches the whole value: leave ${char} out, or write \\${char}`,
        );
      case '*':
      case '+':
      case '?':
      case '{':
        throw this.fault(
          `nothing is before this ${char} that could be repeated: write \\${char} for the character`,
        );
      case ']':
        throw this.fault('nothing opens this ]: write \\] for the character');
      default:
        this.at++;
        return { kind: 'chars', set: charSet(char), column };
    }
  }

  #group(depth: number): Expression {
    const open = this.at++;
    if (this.#take('?') && !this.#take(':')) {
      throw this.fault('look-around, named groups and flags are not supported: use ( ) or (?: )', open);
    }
    const inner = this.choice(depth + 1);
    if (!this.#take(')')) throw this.fault('nothing closes this (', open);
    return inner;
  }

  #escape(): CharSet {
    const start = this.at++;
    const char = this.text[this.at++];
    switch (char) {
      case undefined:
        throw this.fault('nothing is behind this \\', start);
      case 'd':
        return DIGITS;
      case 'D':
        return without(ANYTHING, DIGITS);
      case 'w':
        return WORD;
      case 'W':
        return without(ANYTHING, WORD);
      default:
        if (/[1-9]/.test(char)) throw this.fault('back references are not supported', start);
        if (isPrintable(char) && !/[A-Za-z0-9 ]/.test(char)) return charSet(char);
        throw this.fault(
          `\\${isPrintable(char) ? char : ''} is not supported: there are \\d, \\w, \\D, \\W and escaped punctuation`,
          start,
        );
    }
  }

  #class(): CharSet {
    const open = this.at++;
    const negated = this.#take('^');
    let set = NOTHING;
    for (let first = true; ; first = false) {
      const char = this.text[this.at];
      if (char === undefined) throw this.fault('nothing closes this [', open);
      if (char === ']') {
        // To PCRE a first ] is a character, to JavaScript the end.
        if (first) throw this.fault('a class of no characters; write \\] for the character', open);
        this.at++;
        break;
      }
      set |= this.#classItem();
    }
    const result = negated ? without(ANYTHING, set) : set;
    if (result === NOTHING) throw this.fault('nothing matches this class', open);
    return result;
  }

  #classItem(): CharSet {
    const start = this.at;
    const from = this.#classChar();
    if (this.text[this.at] !== '-' || this.text[this.at + 1] === ']') return from.set;
    this.at++;
    const to = this.#classChar();
    if (from.char === undefined || to.char === undefined) {
      throw this.fault('a range is from one character to another: write \\- for the character', start);
    }
    if (from.char > to.char)
      throw this.fault(`the range ${from.char}-${to.char} is the wrong way round`, start);
    return rangeSet(from.char, to.char);
  }

  #classChar(): { set: CharSet; char?: string } {
    const char = this.text[this.at];
    if (char === '\\') {
      const set = this.#escape();
      const escaped = this.text[this.at - 1] as string;
      return /[dDwW]/.test(escaped) ? { set } : { set, char: escaped };
    }
    if (char === undefined || !isPrintable(char))
      throw this.fault('only printable ASCII is supported in a class');
    if (char === '[')
      throw this.fault('write \\[ for the character: [:names:] and nested classes are not supported');
    this.at++;
    return { set: charSet(char), char };
  }

  #take(char: string): boolean {
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }
}
