import { stripVTControlCharacters } from 'node:util';
import { nearest } from '../../../pkg/resource/suggest';

/** What the errors of oclif's parser carry, as far as it is used here. */
export interface ParseError extends Error {
  readonly parse?: { readonly input?: { readonly flags?: Readonly<Record<string, unknown>> } };
  /** Of one about unknown flags. */
  readonly flags?: readonly string[];
  /** Of one about missing arguments (objects) or unexpected ones (text). */
  readonly args?: readonly (string | { readonly name: string })[];
}

/** What the parser says, and how it is said here. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/^Missing required flag (?:--)?(\S+)$/, '--$1 is missing'],
  [/^Flag (--\S+) expects a value$/, '$1 is without its value'],
  [/^Flag (--\S+) expects one of these values: (.*)$/, '$1 is without its value, which is one of $2'],
  [/^Flag (--\S+) can only be specified once$/, '$1 is given twice: say once what it is to be'],
  [/^Parsing (--\S+) Expected an integer but received: (.*)$/, '$1 takes a whole number, not "$2"'],
  [
    /^Parsing (--\S+) .* greater than or equal to (\S+) but received: (.*)$/,
    '$1 takes a number from $2, not $3',
  ],
  [
    /^Parsing (--\S+) .* less than or equal to (\S+) but received: (.*)$/,
    '$1 takes a number up to $2, not $3',
  ],
  [/^Expected (--[^=\s]+)=(.*) to be one of: (.*)$/, '$1 takes one of $3, not "$2"'],
  [/^Expected (.*) to be one of: (.*)$/, '"$1" is none of $2'],
  [/^(--[^=\s]+)\S* cannot also be provided when using (--\S+)$/, '$1 does not go with $2'],
  [/^(?:All|One) of the following must be provided when using (--\S+): (.+)$/, '$1 needs $2'],
];

/** Why a command line is wrong: one line, with where to look. */
export function usageMessage(error: ParseError, command: string): string {
  const { parse, flags, args } = error;
  const help = `gilliam ${command} --help`;
  if (flags) {
    const wrong = flags[0]?.replace(/=.*/s, '') ?? '';
    const near = wrong.startsWith('--') && nearest(wrong.slice(2), Object.keys(parse?.input?.flags ?? {}));
    return `${command} has no flag ${wrong}: ${near ? `did you mean --${near}?` : help}`;
  }
  if (args) {
    const names = args.map((arg) => (typeof arg === 'string' ? JSON.stringify(arg) : arg.name.toUpperCase()));
    if (typeof args[0] === 'string') return `${command} does not take ${names.join(', ')}: ${help}`;
    return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} missing: ${help}`;
  }
  return `${inWords(error.message)}: ${help}`;
}

function inWords(message: string): string {
  const lines = stripVTControlCharacters(message)
    .replace(/\s*See more help with --help\s*$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    // The reason stands in a line of its own.
    .replace(/^(Parsing --\S+)\s+/, '$1 ')
    .split(/\s*\n\s*/);
  return lines.map(inOwnWords).join('; ');
}

function inOwnWords(line: string): string {
  const [found, words = ''] = phrases.find(([pattern]) => pattern.test(line)) ?? [];
  return found === undefined ? line : line.replace(found, words);
}
