/**
 * Sets of characters as an expression can tell them apart: the 95 printable ones of ASCII each, and all others as one.
 * A bit each. Nothing else occurs in what routes match, as control characters are refused before.
 */
export type CharSet = bigint;

const first = 0x20;
const last = 0x7e;
const otherBit = BigInt(last - first + 1);

export const NOTHING: CharSet = 0n;
/** Whatever is not printable ASCII. */
export const OTHERS: CharSet = 1n << otherBit;
export const ANYTHING: CharSet = (1n << (otherBit + 1n)) - 1n;

/** Whether the character has a bit of its own. */
export function isPrintable(char: string): boolean {
  const code = char.charCodeAt(0);
  return char.length === 1 && code >= first && code <= last;
}

export function charSet(char: string): CharSet {
  return isPrintable(char) ? 1n << BigInt(char.charCodeAt(0) - first) : OTHERS;
}

/** Both ends included; both printable. */
export function rangeSet(from: string, to: string): CharSet {
  let set = NOTHING;
  for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code++)
    set |= charSet(String.fromCharCode(code));
  return set;
}

export function without(set: CharSet, excluded: CharSet): CharSet {
  return set & (ANYTHING ^ excluded);
}

export const DIGITS = rangeSet('0', '9');
export const WORD = DIGITS | rangeSet('a', 'z') | rangeSet('A', 'Z') | charSet('_');

/** The printable characters of the set, in their order. */
export function charsOf(set: CharSet): readonly string[] {
  const chars: string[] = [];
  for (let code = first; code <= last; code++) {
    const char = String.fromCharCode(code);
    if (set & charSet(char)) chars.push(char);
  }
  return chars;
}

/** The coarsest split of all characters that no set cuts through. */
export function partition(sets: Iterable<CharSet>): readonly CharSet[] {
  let parts: CharSet[] = [ANYTHING];
  for (const set of new Set(sets)) {
    parts = parts.flatMap((part) => [part & set, without(part, set)].filter((piece) => piece !== NOTHING));
  }
  return parts;
}
