import type { JsonSchema } from './json-schema';

/** The reference of a file in Markdown: a table of keys for each mapping, in the order in which they stand inside. */
export function referenceOf(schema: JsonSchema, title: string, level = 2): string {
  const lines: string[] = [];
  section(schema, { name: '', title, level }, lines);
  return lines.join('\n');
}

interface Heading {
  /** `processes.<name>`, empty for the file itself. */
  readonly name: string;
  readonly title: string;
  readonly level: number;
}

function section(schema: JsonSchema, { name, title, level }: Heading, lines: string[]): void {
  const keys = Object.entries(schema.properties ?? {});
  lines.push(`${'#'.repeat(level)} ${title}`, '', '| key | value | what it says |', '| --- | --- | --- |');
  for (const [key, value] of keys) {
    const required =
      schema.required?.includes(key) === true && value.default === undefined ? ' Required.' : '';
    lines.push(`| \`${key}\` | ${cell(valueText(value))} | ${cell(whatText(value) + required)} |`);
  }
  lines.push('');
  for (const [key, value] of keys) {
    for (const inner of mappingsIn(value, name === '' ? key : `${name}.${key}`))
      section(
        inner.schema,
        { name: inner.name, title: `\`${inner.name}\``, level: Math.max(3, level) },
        lines,
      );
  }
}

/** The mappings with keys of their own that a value may be, or may have as its values. */
function mappingsIn(
  schema: JsonSchema,
  name: string,
): { readonly name: string; readonly schema: JsonSchema }[] {
  if (schema.properties) return [{ name, schema }];
  const inner = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return [
    ...(schema.anyOf ?? []).flatMap((each) => mappingsIn(each, name)),
    ...(inner ? mappingsIn(inner, `${name}.<name>`) : []),
    ...(schema.items ? mappingsIn(schema.items, `${name}[]`) : []),
  ];
}

function whatText({ description = '', default: fallback, examples = [] }: JsonSchema): string {
  const byDefault = fallback === undefined || isEmpty(fallback) ? '' : ` Default ${code(fallback)}.`;
  const shown = examples.map(code).join(' or ');
  return `${description}${byDefault}${shown === '' ? '' : ` As in ${shown}.`}`.trim();
}

function valueText(schema: JsonSchema): string {
  return [...new Set(valueWords(schema))].join(' or ');
}

function valueWords(schema: JsonSchema): string[] {
  const { anyOf, type, title, items, additionalProperties, properties } = schema;
  if (schema.enum) return schema.enum.map(code);
  if (schema.const !== undefined) return [code(schema.const)];
  if (anyOf) return anyOf.flatMap(valueWords);
  if (title !== undefined) return [title];
  if (properties) return ['mapping'];
  if (items) return [`list of ${valueText(items)}`];
  if (typeof additionalProperties === 'object') {
    const inner = valueText(additionalProperties);
    return [inner === 'mapping' ? 'mapping of names' : `name → ${inner}`];
  }
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    integer: 'whole number',
    number: 'number',
    boolean: '`true`, `false`',
  };
  return [words[type ?? ''] ?? 'value'];
}

/** As it is written in a file, on one line. */
function code(value: unknown): string {
  return `\`${flow(value)}\``;
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${plain(key)}: ${flow(inner)}`)
      .join(', ')}}`;
  }
  return typeof value === 'string' ? plain(value) : JSON.stringify(value);
}

/** Quoted only where YAML would read something else. */
function plain(text: string): string {
  const bare = /^[\w./$<][\w./$<>=@+ -]*$|^[\w./-]+:\/\/\S+$|^\d+%$/.test(text);
  if (bare) return text;
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
}
