import type { HeaderChange, ValueMatch } from '../../../pkg/gen/gilliam/v1/route';
import { HeaderChange_Action } from '../../../pkg/gen/gilliam/v1/route';
import { UsageError } from './errors';

const headerName = /^[!#$%&'*+.^_`|0-9A-Za-z-]+/;

/** Reads `Name: value`, `Name~regex`, or `Name` for that it is there at all. Throws UsageError. */
export function parseHeaderMatch(text: string): ValueMatch {
  const name = headerName.exec(text)?.[0] ?? '';
  const match = matchOf(text.slice(name.length), ':');
  if (name !== '' && match) return { name, match };
  throw new UsageError(
    `--header ${JSON.stringify(text)} is not a match of a header: write 'Name: value', 'Name~regex' or 'Name'`,
  );
}

/** Reads `name=value`, `name~regex`, or `name` for that it is there at all. Throws UsageError. */
export function parseQueryMatch(text: string): ValueMatch {
  const name = /^[^=~&#]+/.exec(text)?.[0] ?? '';
  const match = matchOf(text.slice(name.length), '=');
  if (name !== '' && match) return { name, match };
  throw new UsageError(
    `--query ${JSON.stringify(text)} is not a match of the query: write 'name=value', 'name~regex' or 'name'`,
  );
}

function matchOf(rest: string, equals: ':' | '='): ValueMatch['match'] {
  if (rest === '') return { $case: 'present', value: true };
  const value = rest.slice(1);
  if (rest.startsWith('~')) return { $case: 'regex', value };
  if (rest.startsWith(equals)) return { $case: 'value', value: equals === ':' ? value.trim() : value };
  return undefined;
}

/** As it is given to the flags. */
export function formatMatch({ name, match }: ValueMatch, equals: ': ' | '='): string {
  if (match?.$case === 'value') return `${name}${equals}${match.value}`;
  return match?.$case === 'regex' ? `${name}~${match.value}` : name;
}

/** Reads `Name: value` of a header that is sent or set. Throws UsageError. */
export function parseHeader(flag: string, text: string): { readonly name: string; readonly value: string } {
  const name = headerName.exec(text)?.[0] ?? '';
  if (name === '' || text[name.length] !== ':') {
    throw new UsageError(`--${flag} ${JSON.stringify(text)} is not a header: write 'Name: value'`);
  }
  return { name, value: text.slice(name.length + 1).trim() };
}

export interface HeaderChangeFlags {
  readonly set?: readonly string[];
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** The changes of a request's headers, or with the prefix `response-` of the response's: set, then added, then removed. */
export function parseHeaderChanges(prefix: '' | 'response-', flags: HeaderChangeFlags): HeaderChange[] {
  const changes = (action: HeaderChange_Action, flag: string, words: readonly string[] = []) =>
    words.map((text) => ({ action, ...parseHeader(flag, text) }));
  const removed = (flags.remove ?? []).map((text) => {
    if (headerName.exec(text)?.[0] === text)
      return { action: HeaderChange_Action.REMOVE, name: text, value: '' };
    throw new UsageError(`--${prefix}remove-header takes the name of a header, not ${JSON.stringify(text)}`);
  });
  return [
    ...changes(HeaderChange_Action.SET, `${prefix}set-header`, flags.set),
    ...changes(HeaderChange_Action.ADD, `${prefix}add-header`, flags.add),
    ...removed,
  ];
}
