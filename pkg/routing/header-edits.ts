import { HeaderChange_Action } from '../gen/gilliam/v1/route';
import type { HeaderChange } from '../gen/gilliam/v1/route';
import { quote } from '../resource/names';
import type { Violations } from '../resource/violations';
import { SyntaxFault } from './expression';
import { parseTemplate } from './template';
import type { HeaderEdit } from './types';
import { isToken } from './value-tests';

const MAX_CHANGES = 32;
const MAX_VALUE = 4_096;

/** They belong to one connection, or say where a message ends: the router's own business. */
const untouchable = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function compileChanges(
  changes: readonly HeaderChange[],
  side: 'request' | 'response',
  variables: readonly string[],
  found: Violations,
): readonly HeaderEdit[] {
  const list = `route.spec.${side}_headers`;
  found.require(
    changes.length <= MAX_CHANGES,
    list,
    () => `${changes.length} header changes: at most ${MAX_CHANGES}`,
  );
  return changes.slice(0, MAX_CHANGES).flatMap((change, index) => {
    const field = `${list}[${index}]`;
    const wrong = nameViolation(change, side);
    if (wrong !== undefined) {
      found.add(`${field}.name`, wrong);
      return [];
    }
    const edit = editOf(change, variables, { field, found });
    return edit ? [edit] : [];
  });
}

function nameViolation({ name, action }: HeaderChange, side: 'request' | 'response'): string | undefined {
  const lower = name.toLowerCase();
  if (!isToken(name)) return `header ${quote(name)} is not the name of a header`;
  if (untouchable.has(lower)) return `header ${name} is the router's own: a route cannot change it`;
  if (lower !== 'host') return undefined;
  if (side === 'response') return 'header Host is none of a response';
  return action === HeaderChange_Action.SET
    ? undefined
    : 'header Host can be set, but not added or removed: each request has exactly one';
}

function editOf(
  { action, name, value }: HeaderChange,
  variables: readonly string[],
  { field, found }: { readonly field: string; readonly found: Violations },
): HeaderEdit | undefined {
  switch (action) {
    case HeaderChange_Action.REMOVE:
      found.require(value === '', `${field}.value`, () => `header ${name} is removed: leave its value out`);
      return { action: 'remove', name };
    case HeaderChange_Action.SET:
    case HeaderChange_Action.ADD: {
      const wrong = valueViolation(name, value);
      if (wrong !== undefined) {
        found.add(`${field}.value`, wrong);
        return undefined;
      }
      try {
        const template = parseTemplate(value, variables);
        return { action: action === HeaderChange_Action.SET ? 'set' : 'add', name, value: template };
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error;
        found.add(`${field}.value`, `the value of header ${name}, column ${error.column}: ${error.message}`);
        return undefined;
      }
    }
    case HeaderChange_Action.UNSPECIFIED:
    case HeaderChange_Action.UNRECOGNIZED:
      found.add(`${field}.action`, `header ${name} has no action: use SET, ADD or REMOVE`);
      return undefined;
  }
}

function valueViolation(name: string, value: string): string | undefined {
  if (value.length > MAX_VALUE) return `the value of header ${name} is longer than ${MAX_VALUE} characters`;
  if (!/^[ -~]*$/.test(value)) {
    return `the value of header ${name} has a character that no header may have: only printable ASCII is allowed, on one line`;
  }
  if (name.toLowerCase() === 'host' && !/^(?:[-.:0-9A-Z_a-z]|\{[0-9A-Z_a-z]+\})+$/.test(value)) {
    return 'the value of header Host is not a name of a host';
  }
  return undefined;
}
