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

const printable = Array.from({ length: last - first + 1 }, (_, index) => ({
  char: String.fromCharCode(first + index),
  set: 1n << BigInt(index),
}));

/** Whether the character has a bit of its own. */
export function isPrintable(char: string): boolean {
  const code = char.charCodeAt(0);
  return char.length === 1 && code >= first && code <= last;
}

export function charSet(char: string): CharSet {
  return printable[char.charCodeAt(0) - first]?.set ?? OTHERS;
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
  return printable.filter((one) => set & one.set).map(({ char }) => char);
}

/** The coarsest split of what is in the sets that none of them cuts through. */
export function partition(sets: ReadonlySet<CharSet>): readonly CharSet[] {
  let parts: CharSet[] = [];
  let covered = NOTHING;
  for (const set of sets) {
    const split: CharSet[] = [];
    for (const part of parts) {
      const inside = part & set;
      if (inside === NOTHING || inside === part) split.push(part);
      else split.push(inside, part ^ inside);
    }
    const added = without(set, covered);
    if (added !== NOTHING) split.push(added);
    covered |= set;
    parts = split;
  }
  return parts;
}
