import { domainToASCII } from 'node:url';
import { ANYTHING, DIGITS, charSet, rangeSet, without } from './char-set';
import type { CharSet } from './char-set';
import { SyntaxFault, charactersOf } from './expression';
import type { Expression } from './expression';
import { parsePattern } from './parse-pattern';
import type { Written } from './parse-pattern';
import { escapeText, printExpression } from './print-expression';
import { refusePath } from './request';
import { refuseRunaway } from './runaway';
import type { Part, Pattern } from './types';

/** The variable that takes what is below a path that ends in `/`. No variable of a pattern can be named so. */
export const REST = '_rest';

/** A host or a path, ready to be made a pattern of. */
export interface Draft {
  readonly parts: readonly (
    | { readonly kind: 'text'; readonly text: string; readonly expression: Expression }
    | { readonly kind: 'variable'; readonly name: string; readonly expression: Expression }
  )[];
  /** Whether whatever is below matches too. */
  readonly open: boolean;
  /** Whether a variable may match more than one segment of a path, or label of a host. */
  readonly wide: boolean;
  /** What it matches, written in one way. */
  readonly canonical: string;
}

const hostLabel = rangeSet('a', 'z') | DIGITS | charSet('-') | charSet('_');
const pathSegment = without(ANYTHING, charSet('/'));

/** What variables without an expression of their own take: one label, or one segment. */
export const plainVariables: ReadonlySet<string> = new Set(
  [hostLabel, pathSegment].map((set) =>
    printExpression(
      { kind: 'repeat', item: { kind: 'chars', set, column: 1 }, least: 1, most: Infinity, column: 1 },
      false,
    ),
  ),
);

/** Understands `host/path`. Throws SyntaxFault with the column of what cannot be. */
export function draftPattern(text: string): { readonly host?: Draft; readonly path: Draft } {
  const written = parsePattern(text);
  const host = written.host.length === 0 ? undefined : draft(hostParts(written.host), false, 'host');
  const path = draft(pathParts(written.path), endsOpen(written.path), 'path');
  return host ? { host, path } : { path };
}

/** With `rest`, what is below an open path is captured too. */
export function toPattern({ parts, open, wide }: Draft, rest: boolean): Pattern {
  const first = parts[0];
  const variables = parts.flatMap((part) => (part.kind === 'variable' ? [part.name] : []));
  const inner = parts.map((part) => printPart(part, true)).join('');
  return {
    parts: [
      ...parts.map((part): Part => {
        if (part.kind === 'text') return { kind: 'text', text: part.text };
        return { kind: 'variable', name: part.name, regex: printExpression(part.expression, false) };
      }),
      ...(open && rest ? [{ kind: 'variable' as const, name: REST, regex: '.*' }] : []),
    ],
    regex: `^${inner}${open ? (rest ? '(.*)' : '.*') : ''}$`,
    variables: open && rest ? [...variables, REST] : variables,
    prefix: first?.kind === 'text' ? first.text : '',
    exact: variables.length === 0 && !open,
    reach: open ? 'below' : wide ? 'variable' : 'own',
  };
}

function draft(parts: Draft['parts'], open: boolean, what: 'host' | 'path'): Draft {
  const separator = what === 'host' ? '.' : '/';
  const wide = parts.filter(
    (part) => part.kind === 'variable' && charactersOf(part.expression) & charSet(separator),
  );
  const second = wide[1] ?? (open ? wide[0] : undefined);
  if (second) {
    throw new SyntaxFault(
      wide[1]
        ? `two variables of the ${what} may match "${separator}": only one may, else it is not clear which takes what`
        : 'this variable may match "/", and all below the final / matches too: end the pattern with the variable',
      second.expression.column,
    );
  }
  // Text is read in one way only.
  const literal = parts.every(({ kind }) => kind === 'text');
  if (!literal)
    refuseRunaway({
      kind: 'sequence',
      items: [...parts.map(({ expression }) => expression), ...(open ? [anything(parts)] : [])],
      column: parts[0]?.expression.column ?? 1,
    });
  return {
    parts,
    open,
    wide: wide.length > 0,
    canonical: `${parts.map((part) => printPart(part, false)).join('')}${open ? '.*' : ''}`,
  };
}

function anything(parts: Draft['parts']): Expression {
  const column = parts.at(-1)?.expression.column ?? 1;
  return { kind: 'repeat', item: { kind: 'chars', set: ANYTHING, column }, least: 0, most: Infinity, column };
}

function printPart(part: Draft['parts'][number], capture: boolean): string {
  if (part.kind === 'text') return escapeText(part.text);
  return printExpression({ kind: 'group', item: part.expression, column: part.expression.column }, capture);
}

function hostParts(written: readonly Written[]): Draft['parts'] {
  const [only] = written;
  if (written.length === 1 && only?.kind === 'text') return [textPart(literalHost(only.text), only.column)];
  return written.map((part) => {
    if (part.kind === 'variable') return variablePart(part, hostLabel);
    const text = part.text.toLowerCase();
    const at = text.search(/[^-.a-z0-9_]/);
    if (at >= 0) throw badHostCharacter(text[at] as string, part.column + at);
    return textPart(text, part.column);
  });
}

function literalHost(text: string): string {
  // What is not ASCII is asked for in Punycode.
  const host = /[^\0-\x7f]/.test(text) ? domainToASCII(text) || text : text.toLowerCase();
  const at = host.search(/[^-.a-z0-9_]/);
  if (at >= 0) throw badHostCharacter(host[at] as string, at + 1);
  if (host.length > 253 || host.split('.').some((label) => label === '' || label.length > 63)) {
    throw new SyntaxFault(
      'the host is not a name: labels of 1 to 63 characters with dots between, 253 at most',
      1,
    );
  }
  return host;
}

function badHostCharacter(char: string, column: number): SyntaxFault {
  if (char === ':')
    return new SyntaxFault('a route is for all ports of the router: leave the port out', column);
  if (char === '*')
    return new SyntaxFault(
      'for any host name write a variable: {name}, or {name:.*} over several labels',
      column,
    );
  return new SyntaxFault(`${JSON.stringify(char)} is no character of a host name`, column);
}

function pathParts(written: readonly Written[]): Draft['parts'] {
  if (written.length === 0) return [textPart('/', 1)];
  const sample = written.map((part) => (part.kind === 'text' ? part.text : 'x')).join('');
  const parts = written.map((part) => {
    if (part.kind === 'variable') return variablePart(part, pathSegment);
    const at = part.text.search(/[\0-\x20\x7f"#<>?\\^`|]|%(?![0-9A-Fa-f]{2})/);
    if (at >= 0) throw badPathCharacter(part.text[at] as string, part.column + at);
    return textPart(encodePathText(part.text, part.column), part.column);
  });
  refuseStar(written);
  const reason = refusePath(encodePathText(sample, written[0]?.column ?? 1));
  if (reason) throw new SyntaxFault(`no such request is let in: ${reason}`, written[0]?.column ?? 1);
  return parts;
}

/** A segment that is only a star is what other routers write for a variable; here it would match nothing but a star. */
function refuseStar(written: readonly Written[]): void {
  for (const [index, part] of written.entries()) {
    if (part.kind !== 'text') continue;
    const last = index === written.length - 1;
    const at = part.text.search(last ? /(?<=\/)\*(?=\/|$)/ : /(?<=\/)\*(?=\/)/);
    if (at < 0) continue;
    throw new SyntaxFault(
      last && at === part.text.length - 1
        ? 'end the path with / for all that is below, or write a variable for one segment: {name}'
        : 'for any segment write a variable: {name}',
      part.column + at,
    );
  }
}

function badPathCharacter(char: string, column: number): SyntaxFault {
  if (char === '?') return new SyntaxFault('a pattern has no query: give it as a match of its own', column);
  if (char === '%')
    return new SyntaxFault(
      'this % has no two hexadecimal digits behind it: write %25 for the character',
      column,
    );
  return new SyntaxFault(
    `${JSON.stringify(char)} is no character of a path: write it percent-encoded`,
    column,
  );
}

/** As clients send it: what is not ASCII in UTF-8, percent-encoded. Throws SyntaxFault for half a character. */
export function encodePathText(text: string, column: number): string {
  try {
    return text.replace(/[^\0-\x7f]+/g, encodeURIComponent);
  } catch {
    throw new SyntaxFault('this is not Unicode text', column);
  }
}

function endsOpen(written: readonly Written[]): boolean {
  const last = written.at(-1);
  return last === undefined || (last.kind === 'text' && last.text.endsWith('/'));
}

function textPart(text: string, column: number): Draft['parts'][number] {
  const items = [...text].map((char, index): Expression => ({
    kind: 'chars',
    set: charSet(char),
    column: column + index,
  }));
  return { kind: 'text', text, expression: { kind: 'sequence', items, column } };
}

function variablePart(
  { name, expression, column }: Written & { kind: 'variable' },
  byDefault: CharSet,
): Draft['parts'][number] {
  const item: Expression = { kind: 'chars', set: byDefault, column };
  return {
    kind: 'variable',
    name,
    expression: expression ?? { kind: 'repeat', item, least: 1, most: Infinity, column },
  };
}
