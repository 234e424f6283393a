import { Refusal } from './refusal';

/** One line of a head. */
export interface Field {
  readonly name: string;
  /** The name in lower case. */
  readonly key: string;
  readonly value: string;
}

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Of HTTP/1.x. */
  readonly minor: 0 | 1;
  readonly fields: readonly Field[];
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minor: 0 | 1;
  readonly fields: readonly Field[];
}

const emptyLine = Buffer.from('\r\n\r\n');
/** What stands between a head and what follows it. */
export const headEndBytes = emptyLine.length;

const maxFields = 200;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const statusLine = /^HTTP\/1\.(\d) ([1-9]\d\d)(?: (.*))?$/;
/** All that may not stand in a head. Line ends are gone when it is asked, so that a CR or LF alone is one of them. */

const control = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * Where the head ends that a buffer begins with; -1 where its end has not come yet, undefined where it is too long.
 * @param from no end stands before here
 */
export function findHeadEnd(buffer: Buffer, from: number, maxBytes: number): number | undefined {
  const end = buffer.indexOf(emptyLine, Math.max(0, from - emptyLine.length + 1));
  return (end < 0 ? buffer.length : end) > maxBytes ? undefined : end;
}

/**
 * Reads a request's head, strictly: where two readers could understand two things, it is refused (RFC 9112, sections
 * 2.2, 3 and 5). @param text all up to the empty line, as Latin-1, without the last line end. @throws {Refusal}
 */
export function parseRequestHead(text: string): RequestHead {
  const lines = text.split('\r\n');
  const start = requestLine.exec(lines[0] as string);
  if (!start) throw new Refusal(400, 'the request line is not "METHOD target HTTP/1.1"');
  if (start[3] !== '1')
    throw new Refusal(505, `HTTP/${start[3]}.${start[4]} is not spoken here: use HTTP/1.1`);
  const fields = parseFields(lines, 400, 'request');
  return {
    method: start[1] as string,
    target: start[2] as string,
    minor: start[4] === '0' ? 0 : 1,
    fields,
  };
}

/** Reads a response's head, as strictly. @throws {Refusal} */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.split('\r\n');
  const first = lines[0] as string;
  const start = statusLine.exec(first);
  if (!start || control.test(first))
    throw new Refusal(502, 'the endpoint answered something that is not HTTP/1.x');
  const fields = parseFields(lines, 502, 'response');
  return {
    status: Number(start[2]),
    reason: start[3] ?? '',
    minor: start[1] === '0' ? 0 : 1,
    fields,
  };
}

function parseFields(lines: readonly string[], status: number, what: string): Field[] {
  if (lines.length - 1 > maxFields) {
    throw new Refusal(status === 400 ? 431 : status, `the ${what} has more than ${maxFields} header fields`);
  }
  const fields: Field[] = [];
  for (let index = 1; index < lines.length; index++)
    fields.push(parseField(lines[index] as string, status, what));
  return fields;
}

/** @throws {Refusal} with the status given, which says whose fault it is */
export function parseField(line: string, status: number, what: string): Field {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  if (line[0] === ' ' || line[0] === '\t') {
    throw new Refusal(status, `the ${what} folds a header field over several lines: send it on one`);
  }
  if (!token.test(name))
    throw new Refusal(status, `the ${what} has a header field whose name is not allowed`);
  if (control.test(line)) {
    throw new Refusal(status, `the ${what} has a control character in the header field "${name}"`);
  }
  return { name, key: name.toLowerCase(), value: trimmed(line, colon + 1, line.length) };
}

/** The members of a list, in lower case, over all fields of the name. */
export function listOf(fields: readonly Field[], key: string): string[] {
  const members: string[] = [];
  for (const field of fields) {
    if (field.key !== key) continue;
    for (const part of field.value.split(',')) {
      const member = trimmed(part, 0, part.length);
      if (member !== '') members.push(member.toLowerCase());
    }
  }
  return members;
}

/** Without spaces and tabs around it, and no others: `trim` takes more for white than those who read it next. */
function trimmed(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
