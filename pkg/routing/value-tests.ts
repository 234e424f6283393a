import type { ValueMatch } from '../gen/gilliam/v1/route';
import { quote } from '../resource/names';
import type { Violations } from '../resource/violations';
import { charSet, without } from './char-set';
import { SyntaxFault } from './expression';
import type { Expression } from './expression';
import { parseExpression } from './parse-expression';
import { escapeText, printExpression } from './print-expression';
import { refuseRunaway } from './runaway';
import type { QueryTest, ValueTest } from './types';

const MAX_MATCHES = 16;
const MAX_VALUE = 1_024;

/** The name of a header: a token of RFC 9110. */
export function isToken(text: string): boolean {
  return text.length <= 128 && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
}

export function compileHeaders(matches: readonly ValueMatch[], found: Violations): readonly ValueTest[] {
  return compileAll(matches, 'headers', found, (match, field) => {
    const name = match.name.toLowerCase();
    if (!isToken(name)) {
      found.add(`${field}.name`, `header ${quote(match.name)} is not the name of a header`);
      return undefined;
    }
    if (name === 'host') {
      found.add(`${field}.name`, 'the header Host is matched by the pattern: write the host there');
      return undefined;
    }
    const test = match.match;
    switch (test?.$case) {
      case 'value':
        if (!/^(?:[!-~](?:[\t -~]*[!-~])?)?$/.test(test.value) || test.value.length > MAX_VALUE) {
          found.add(
            `${field}.value`,
            `the value of header ${name} is not what a header can have: at most ${MAX_VALUE} printable characters of ASCII, without blanks around`,
          );
          return undefined;
        }
        return { kind: 'value', name, value: test.value };
      case 'regex': {
        const expression = expressionOf(test.value, `header ${name}`, { field: `${field}.regex`, found });
        return expression && { kind: 'regex', name, regex: `^${wrapped(expression)}$` };
      }
      case 'present':
        return { kind: 'present', name, present: test.value };
      case undefined:
        found.add(field, `header ${name} is not matched with anything: give a value, regex or present`);
        return undefined;
    }
  });
}

export function compileQuery(matches: readonly ValueMatch[], found: Violations): readonly QueryTest[] {
  return compileAll(matches, 'query', found, (match, field) => {
    const { name } = match;
    if (!isSent(name) || name === '' || name.includes('=')) {
      found.add(`${field}.name`, `query parameter ${quote(name)} is not as it is sent: ${sentRule}`);
      return undefined;
    }
    const begin = `(?:^|&)${escapeText(name)}`;
    const test = match.match;
    switch (test?.$case) {
      case 'value':
        if (!isSent(test.value)) {
          found.add(
            `${field}.value`,
            `the value of query parameter ${name} is not as it is sent: ${sentRule}`,
          );
          return undefined;
        }
        return { name, regex: `${begin}=${escapeText(test.value)}(?:&|$)`, found: true };
      case 'regex': {
        const expression = expressionOf(test.value, `query parameter ${name}`, {
          field: `${field}.regex`,
          found,
        });
        return (
          expression && {
            name,
            regex: `${begin}=${wrapped(withinParameter(expression))}(?:&|$)`,
            found: true,
          }
        );
      }
      case 'present':
        return { name, regex: `${begin}(?:=|&|$)`, found: test.value };
      case undefined:
        found.add(
          field,
          `query parameter ${name} is not matched with anything: give a value, regex or present`,
        );
        return undefined;
    }
  });
}

function compileAll<T>(
  matches: readonly ValueMatch[],
  list: 'headers' | 'query',
  found: Violations,
  compile: (match: ValueMatch, field: string) => T | undefined,
): readonly T[] {
  found.require(
    matches.length <= MAX_MATCHES,
    `route.spec.${list}`,
    () => `${matches.length} matches of ${list}: at most ${MAX_MATCHES}`,
  );
  return matches
    .slice(0, MAX_MATCHES)
    .map((match, index) => compile(match, `route.spec.${list}[${index}]`))
    .filter((test) => test !== undefined);
}

const sentRule = `matched undecoded, at most ${MAX_VALUE} characters; write others than those of URLs, and &, percent-encoded`;

/** Whether the text can be a parameter's name or value as clients send it. */
function isSent(text: string): boolean {
  return text.length <= MAX_VALUE && /^(?:[-!$'()*+,./0-9:;=?@A-Z[\]_a-z~]|%[0-9A-Fa-f]{2})*$/.test(text);
}

function expressionOf(
  text: string,
  what: string,
  at: { readonly field: string; readonly found: Violations },
): Expression | undefined {
  try {
    const { expression, end } = parseExpression(text);
    if (end < text.length) throw new SyntaxFault('nothing opens this }', end + 1);
    refuseRunaway(expression);
    return expression;
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    at.found.add(at.field, `the expression of ${what}, column ${error.column}: ${error.message}`);
    return undefined;
  }
}

function wrapped(expression: Expression): string {
  const text = printExpression(expression, false);
  return expression.kind === 'choice' ? `(?:${text})` : text;
}

/** What the expression says, but never over the end of a parameter. */
function withinParameter(expression: Expression): Expression {
  switch (expression.kind) {
    case 'chars': {
      const set = without(expression.set, charSet('&'));
      // Only & was meant, which no value has: then nothing matches.
      return { ...expression, set: set === 0n ? charSet(' ') : set };
    }
    case 'sequence':
      return { ...expression, items: expression.items.map(withinParameter) };
    case 'choice':
      return { ...expression, options: expression.options.map(withinParameter) };
    case 'repeat':
    case 'group':
      return { ...expression, item: withinParameter(expression.item) };
  }
}
