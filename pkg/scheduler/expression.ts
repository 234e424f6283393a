import type { ParseResult } from '@marcbachmann/cel-js';
import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { messageOf } from '../base/errors';
import { MAX_EXPRESSION_LENGTH } from '../resource/bounds';
import { suggestion } from '../resource/suggest';
import type { ExpressionChecker } from '../resource/validate-process';
import type { Reads } from './syntax';
import { inspect } from './syntax';
import type { Variables } from './variables';
import { variableTypes } from './variables';

/** That an expression has no value on one executor, and why. */
export class Fault {
  constructor(
    readonly message: string,
    /** Whether it is only that a tag is not set. */
    readonly missingTag: boolean = false,
  ) {}
}

/** A requirement or a rank, compiled. An invalid one is an expression too: one that has no value anywhere. */
export interface Expression<T extends boolean | number> {
  readonly text: string;
  /** What is wrong with the text, where it is invalid: one line, with line and column. */
  readonly violation?: string;
  readonly reads: Reads;
  /** Never throws. */
  evaluate(variables: Variables): T | Fault;
}

/** Bounds the work of the parser; every sensible expression is far below. */
const limits = {
  maxAstNodes: 256,
  maxDepth: 32,
  maxListElements: 64,
  maxMapEntries: 64,
  maxCallArguments: 8,
};

const environment = Object.entries(variableTypes).reduce(
  (env, [name, type]) => env.registerVariable(name, type),
  new Environment({ limits }),
);

/** Compiled expressions, the most recently made ones: what users write is bounded, in number too. */
const MAX_COMPILED = 1_000;

/** A CEL expression that must be true of an executor. */
export const requirement = cached((text) =>
  compile(text, ['bool'], 'true or false', (value) =>
    typeof value === 'boolean' ? value : new Fault('is neither true nor false'),
  ),
);

/** A CEL expression whose value orders executors, highest first. */
export const rank = cached((text) =>
  compile(text, ['int', 'double'], 'a number (int or double)', (value) => {
    const number = Number(value);
    return Number.isNaN(number) ? new Fault('is not a number') : number;
  }),
);

/** For the validation of releases. */
export const expressionChecker: ExpressionChecker = {
  requirement: (text) => requirement(text).violation,
  rank: (text) => rank(text).violation,
};

function cached<T extends boolean | number>(
  make: (text: string) => Expression<T>,
): (text: string) => Expression<T> {
  const made = new Map<string, Expression<T>>();
  return (text) => {
    const known = made.get(text);
    if (known) return known;
    if (made.size >= MAX_COMPILED) made.delete(made.keys().next().value as string);
    const expression = make(text);
    made.set(text, expression);
    return expression;
  };
}

function compile<T extends boolean | number>(
  text: string,
  types: readonly string[],
  wanted: string,
  convert: (value: unknown) => T | Fault,
): Expression<T> {
  if (text.trim() === '') return invalid(text, 'is empty: write an expression, or leave it out');
  if (text.length > MAX_EXPRESSION_LENGTH) {
    return invalid(text, `has ${text.length} characters: the limit is ${MAX_EXPRESSION_LENGTH}`);
  }
  let parsed: ParseResult;
  try {
    parsed = environment.parse(text);
  } catch (error) {
    return invalid(text, describe(text, error));
  }
  // Before the type check, which expands loops.
  const inspected = inspect(parsed.ast);
  if ('refusal' in inspected) {
    return invalid(text, `${position(text, inspected.refusal.start)}: ${inspected.refusal.message}`);
  }
  const checked = parsed.check();
  if (!checked.valid) return invalid(text, describe(text, checked.error));
  if (!types.includes(checked.type ?? '')) {
    return invalid(text, `${position(text, 0)}: is ${checked.type}, but must be ${wanted}`);
  }
  return {
    text,
    reads: inspected.reads,
    evaluate: (variables) => {
      try {
        return convert(parsed(variables));
      } catch (error) {
        return faultOf(error);
      }
    },
  };
}

function invalid<T extends boolean | number>(text: string, violation: string): Expression<T> {
  const fault = new Fault(`is not a valid expression: ${violation}`);
  return { text, violation, reads: { variables: new Set(), tags: new Set() }, evaluate: () => fault };
}

function faultOf(error: unknown): Fault {
  if (!(error instanceof EvaluationError)) return new Fault(firstLine(messageOf(error)));
  const missing = error.code === 'no_such_key' ? /^No such key: (.*)$/.exec(error.summary)?.[1] : undefined;
  return missing === undefined ? new Fault(error.summary) : new Fault(`tag ${missing} is not set`, true);
}

/** `column 1: unknown variable ncnt: did you mean "ncont"?` */
function describe(text: string, error: unknown): string {
  if (!(error instanceof ParseError || error instanceof CelTypeError)) return firstLine(messageOf(error));
  return `${position(text, error.range?.start ?? 0)}: ${inWords(error.summary)}`;
}

/** The library's own words, where they say what to do; ours, where a person could not tell. */
function inWords(summary: string): string {
  const unknown = /^Unknown variable: (.*)$/.exec(summary)?.[1];
  if (unknown !== undefined) {
    return `unknown variable ${unknown}: ${suggestion(unknown, Object.keys(variableTypes))}`;
  }
  const overload = /^no such overload: (.*)$/.exec(summary)?.[1];
  if (overload !== undefined) return `${overload} is not possible: convert with int(), double() or string()`;
  if (/^Exceeded max/.test(summary))
    return 'is too complex or nested too deep: split it into several requirements';
  if (summary === 'Unexpected character: =') return 'unexpected =: write == to compare';
  if (summary === 'Unexpected token: EOF') return 'the expression ends too early';
  return summary.charAt(0).toLowerCase() + firstLine(summary.slice(1));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  return text.includes('\n') ? `line ${before.split('\n').length}, column ${column}` : `column ${column}`;
}
