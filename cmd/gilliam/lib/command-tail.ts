import type { Interfaces } from '@oclif/core';

/** A command line that ends in another program's. */
export interface SplitLine {
  /** The command's own flags and arguments. */
  readonly own: readonly string[];
  /** The program and its arguments, untouched. */
  readonly tail: readonly string[];
}

/**
 * Cuts the line behind the command's own flags and its `count` arguments: what follows is another program's, with
 * flags of its own. A `--` may stand between.
 */
export function splitLine(argv: readonly string[], flags: Interfaces.FlagInput, count: number): SplitLine {
  let at = 0;
  for (let left = count; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word === '--') return { own: argv.slice(0, at), tail: argv.slice(at + 1) };
    if (!word.startsWith('-') || word === '-') {
      if (left === 0) break;
      left--;
    } else if (takesNextWord(word, flags)) at++;
  }
  const end = Math.min(at, argv.length);
  return { own: argv.slice(0, end), tail: argv.slice(end + (argv[end] === '--' ? 1 : 0)) };
}

function takesNextWord(word: string, flags: Interfaces.FlagInput): boolean {
  if (word.startsWith('--')) return !word.includes('=') && flags[word.slice(2)]?.type === 'option';
  // Of `-tr v2` the last letter takes it; in `-rv2` the letter has its value already.
  const letters = [...word.slice(1)];
  const first = letters.findIndex((letter) =>
    Object.values(flags).some((flag) => flag.char === letter && flag.type === 'option'),
  );
  return first >= 0 && first === letters.length - 1;
}
