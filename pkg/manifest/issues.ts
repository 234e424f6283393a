import { stringify } from 'yaml';
import { globalRegistry, type z } from 'zod';
import { nearest } from '../resource/suggest';
import type { Document } from './document';
import type { Faults } from './faults';
import type { Path } from './path';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** Says in a person's words, and with their place, what does not fit the schema. */
export function addIssues(
  issues: readonly Issue[],
  schema: Schema,
  into: { readonly document: Document; readonly found: Faults },
): void {
  for (const issue of issues) describe(issue, schema, [], into);
}

interface Into {
  readonly document: Document;
  readonly found: Faults;
}

function describe(issue: Issue, schema: Schema, base: Path, into: Into): void {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysOf(schemaAt(schema, issue.path));
      for (const key of issue.keys) into.found.add([...path, key], unknownKey(key, known));
      return;
    }
    case 'invalid_union': {
      const options = optionsOf(schemaAt(schema, issue.path));
      const fitting = issue.errors.findIndex((errors) => !errors.some(isOfAnotherType));
      const option = options[fitting];
      const value = valueAt(into.document.value, path);
      if (!option) return into.found.add(path, notOf(options, value));
      for (const each of issue.errors[fitting] ?? []) describe(each, option, path, into);
      return;
    }
    case 'invalid_key':
      for (const each of issue.issues) into.found.add(path, each.message);
      return;
    case 'invalid_type': {
      const own = schemaAt(schema, issue.path);
      const value = valueAt(into.document.value, path);
      const said = /^Invalid input/.test(issue.message)
        ? `${mustBe(own ? [own] : [], value)}${formOf(own, path, value)}`
        : issue.message;
      if (value === undefined) return into.found.add(path, 'is missing');
      return into.found.add(
        path,
        value === null ? `is empty: ${said.replace(/^must be/, 'it must be')}` : said,
      );
    }
    default:
      return into.found.add(path, issue.message, columnOf(issue));
  }
}

/** `did you mean script?`, or what there is. */
export function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `is no key: did you mean ${near}?`;
  return known.length === 0 ? 'is no key' : `is no key: there are ${known.join(', ')}`;
}

function columnOf(issue: Issue): number | undefined {
  const { params } = issue as { readonly params?: { readonly column?: number } };
  return params?.column;
}

/** Whether the value is of another sort than this alternative, so that what it says is of no interest. */
function isOfAnotherType(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

const wholeNumber = 'a whole number';

const words: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function notOf(options: readonly Schema[], value: unknown): string {
  return value === null ? isEmpty(mustBe(options, value)) : mustBe(options, value);
}

function isEmpty(said: string): string {
  return `is empty: ${said.replace(/^must be/, 'it must be')}`;
}

function mustBe(options: readonly Schema[], value: unknown): string {
  const expected = [...new Set(options.flatMap(wordsOf))];
  // That it is a number says nothing where only some numbers are allowed.
  const is = typeof value === 'number' && expected.includes(wholeNumber) ? String(value) : wordOf(value);
  const last = expected.pop() ?? 'something else';
  const choice = expected.length === 0 ? last : `${expected.join(', ')} or ${last}`;
  return `must be ${choice}${value === undefined || value === null ? '' : `, and is ${is}`}`;
}

/** How a mapping is written, for one who has written a list. */
function formOf(schema: Schema | undefined, path: Path, value: unknown): string {
  const example = Array.isArray(value) && schema ? exampleOf(schema) : undefined;
  if (typeof example !== 'object' || Array.isArray(example)) return '';
  const text = stringify({ [String(path.at(-1))]: example }, { collectionStyle: 'flow', lineWidth: 0 });
  return `: write ${text.trim().slice(2, -2)}`;
}

function exampleOf(schema: Schema): unknown {
  const inner = unwrapOne(schema);
  const examples = globalRegistry.get(schema)?.examples;
  return Array.isArray(examples) ? (examples[0] as unknown) : inner && exampleOf(inner);
}

function wordsOf(schema: Schema): readonly string[] {
  const def = unwrap(schema)._zod.def;
  if (def.type === 'union') return optionsOf(schema).flatMap(wordsOf);
  if (def.type === 'literal') return (def as z.core.$ZodLiteralDef<string>).values.map(String);
  if (def.type === 'number' && (def as z.core.$ZodNumberFormatDef).format === 'safeint') return [wholeNumber];
  return [words[def.type] ?? def.type];
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? 'text' : 'a number';
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[part] : undefined,
    root,
  );
}

/** The schema of what is at a path; undefined where an alternative would have to be chosen. */
function schemaAt(root: Schema, path: readonly PropertyKey[]): Schema | undefined {
  return path.reduce<Schema | undefined>((at, part) => (at ? child(unwrap(at), part) : undefined), root);
}

function child(schema: Schema, part: PropertyKey): Schema | undefined {
  const { def } = schema._zod;
  switch (def.type) {
    case 'object':
      return (def as z.core.$ZodObjectDef).shape[String(part)];
    case 'record':
      return (def as z.core.$ZodRecordDef).valueType;
    case 'array':
      return (def as z.core.$ZodArrayDef).element;
    default:
      return undefined;
  }
}

function keysOf(schema: Schema | undefined): readonly string[] {
  const def = schema && unwrap(schema)._zod.def;
  return def?.type === 'object' ? Object.keys((def as z.core.$ZodObjectDef).shape) : [];
}

function optionsOf(schema: Schema | undefined): readonly Schema[] {
  const def = schema && unwrap(schema)._zod.def;
  return def?.type === 'union' ? (def as z.core.$ZodUnionDef).options : [];
}

/** Without what only changes the value: absent, by default, converted. */
function unwrap(schema: Schema): Schema {
  const inner = unwrapOne(schema);
  return inner ? unwrap(inner) : schema;
}

function unwrapOne({ _zod: { def } }: Schema): Schema | undefined {
  if (def.type === 'pipe') return (def as z.core.$ZodPipeDef).in;
  if (def.type === 'optional' || def.type === 'default') return (def as z.core.$ZodOptionalDef).innerType;
  return undefined;
}
