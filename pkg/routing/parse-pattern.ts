import { quote } from '../resource/names';
import { SyntaxFault } from './expression';
import type { Expression } from './expression';
import { parseExpression } from './parse-expression';

export const MAX_PATTERN = 1_024;
export const MAX_VARIABLES = 16;
const MAX_VARIABLE_NAME = 32;

/** A piece of a pattern as it is written; columns count from 1. */
export type Written =
  | { readonly kind: 'text'; readonly text: string; readonly column: number }
  | {
      readonly kind: 'variable';
      readonly name: string;
      /** Absent where only the name is given. */
      readonly expression?: Expression;
      readonly column: number;
    };

/** Takes `host/path` apart, at the first `/` outside braces. Throws SyntaxFault. */
export function parsePattern(text: string): {
  readonly host: readonly Written[];
  readonly path: readonly Written[];
} {
  if (text === '') throw new SyntaxFault('the pattern is missing: give it as host/path or /path', 1);
  if (text.length > MAX_PATTERN)
    throw new SyntaxFault(`the pattern is longer than ${MAX_PATTERN} characters`, 1);
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text);
  if (scheme) throw new SyntaxFault(`a pattern has no scheme: leave ${scheme[0]} out`, 1);
  const host: Written[] = [];
  const path: Written[] = [];
  const names = new Set<string>();
  let into = host;
  for (let at = 0; at < text.length;) {
    const char = text[at] as string;
    if (char === '}') throw new SyntaxFault('nothing opens this }', at + 1);
    if (char === '{') {
      const { variable, end } = parseVariable(text, at);
      if (names.has(variable.name)) {
        throw new SyntaxFault(
          `the variable ${quote(variable.name)} is there twice: give each a name of its own`,
          at + 1,
        );
      }
      names.add(variable.name);
      into.push(variable);
      at = end;
      continue;
    }
    if (char === '/') into = path;
    const found = (into === host ? /^[^{}/]+/ : /^[^{}]+/).exec(text.slice(at))?.[0] as string;
    into.push({ kind: 'text', text: found, column: at + 1 });
    at += found.length;
  }
  if (names.size > MAX_VARIABLES)
    throw new SyntaxFault(`the pattern has more than ${MAX_VARIABLES} variables`, 1);
  return { host, path };
}

function parseVariable(
  text: string,
  open: number,
): { variable: Written & { kind: 'variable' }; end: number } {
  const name = /^[A-Za-z0-9_]*/.exec(text.slice(open + 1))?.[0] as string;
  const column = open + 1;
  if (!/^[A-Za-z]/.test(name) || name.length > MAX_VARIABLE_NAME) {
    throw new SyntaxFault(
      `a variable has the form {name} or {name:regex}, its name at most ${MAX_VARIABLE_NAME} letters, digits and _, beginning with a letter`,
      column,
    );
  }
  const at = open + 1 + name.length;
  if (text[at] === '}') return { variable: { kind: 'variable', name, column }, end: at + 1 };
  if (text[at] !== ':') {
    throw new SyntaxFault(
      text[at] === undefined ? 'nothing closes this {' : 'a variable is {name} or {name:regex}',
      text[at] === undefined ? column : at + 1,
    );
  }
  const { expression, end } = parseExpression(text, at + 1);
  if (text[end] !== '}') throw new SyntaxFault('nothing closes this {', column);
  if (end === at + 1) throw new SyntaxFault('an expression is missing behind the colon', end + 1);
  return { variable: { kind: 'variable', name, expression, column }, end: end + 1 };
}
