import { quote } from './names';

/** One of a schedule's five fields. */
export interface NumberField {
  /** `day of month` */
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Of its values, from the least on. */
  readonly names?: readonly string[];
}

const item = /^(\*|[0-9a-z]+)(?:-([0-9a-z]+))?(?:\/([0-9]+))?$/;

/** The field in numbers only, `1-5/2,10` or `*`; or what is wrong with it, to follow the schedule's text. */
export function canonicalField(
  field: NumberField,
  text: string,
): { readonly text: string } | { readonly fault: string } {
  const items = text.split(',');
  const read: string[] = [];
  for (const each of items) {
    const canonical = canonicalItem(field, each);
    if ('fault' in canonical) return canonical;
    // All values are all values, whatever else is named.
    if (canonical.text === '*') return { text: '*' };
    read.push(canonical.text);
  }
  return { text: read.join(',') };
}

/** The values that a canonical field stands for, where the least is 1. */
export function valuesOf(text: string, most: number): readonly number[] {
  const values = Array.from({ length: most }, (_, index) => index + 1);
  return values.filter((value) => text.split(',').some((each) => holds(each, value, most)));
}

function holds(text: string, value: number, most: number): boolean {
  const [range = '*', step = '1'] = text.split('/');
  const [from = 1, to = range === '*' ? most : from] =
    range === '*' ? [1, most] : range.split('-').map(Number);
  return value >= from && value <= to && (value - from) % Number(step) === 0;
}

function canonicalItem(
  field: NumberField,
  text: string,
): { readonly text: string } | { readonly fault: string } {
  const named = `${field.name} ${quote(text)}`;
  if (text === '') return { fault: `has an empty ${field.name}: take out the comma` };
  const [, from = '', to, step] = item.exec(text.toLowerCase()) ?? [];
  if (from === '' || (from === '*' && to !== undefined)) {
    return {
      fault: `has the ${named}: give a number, *, a range such as ${field.least}-${field.most}, or a step such as */2`,
    };
  }
  if (step !== undefined) {
    const most = field.names ? new Set(field.names).size : field.most - field.least + 1;
    if (Number(step) < 1 || Number(step) > most) {
      return { fault: `has the ${named}: a step is from 1 to ${most}` };
    }
    if (from !== '*' && to === undefined) {
      return { fault: `has the ${named}: a step needs a range, such as ${from}-${field.most}/${step}` };
    }
  }
  if (from === '*') return { text: step === undefined || step === '1' ? '*' : `*/${Number(step)}` };
  const first = valueOf(field, from, 'first');
  const last = to === undefined ? first : valueOf(field, to, 'last');
  if (first === undefined || last === undefined) {
    const choices = field.names ? ` or ${field.names[0]} to ${[...new Set(field.names)].at(-1)}` : '';
    return { fault: `has the ${named}: it is from ${field.least} to ${field.most}${choices}` };
  }
  if (first > last) return { fault: `has the ${named}: the range ends before it begins` };
  const range = to === undefined ? `${first}` : `${first}-${last}`;
  return { text: step === undefined ? range : `${range}/${Number(step)}` };
}

/** Sunday is 0 where a range begins with it, and 7 where one ends with it. */
function valueOf(field: NumberField, text: string, end: 'first' | 'last'): number | undefined {
  const names = field.names ?? [];
  const index = end === 'first' ? names.indexOf(text) : names.lastIndexOf(text);
  const value = index >= 0 ? field.least + index : /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && value >= field.least && value <= field.most ? value : undefined;
}
