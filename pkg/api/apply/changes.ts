import type { PlannedChange } from '../../gen/gilliam/v1/apply_service';
import { PlannedChange_Action } from '../../gen/gilliam/v1/apply_service';
import type { ReleaseSpec } from '../../gen/gilliam/v1/release';
import { entryOf } from '../../resource/entries';
import { releaseFields } from './describe';
import { type Fields, processFields, processInShort } from './describe-process';

const { CREATE, CHANGE, REMOVE } = PlannedChange_Action;

// A plan is shown to people, and travels in one message.
const maxValueChars = 1_000;

export function created(object: string, after: string, field = ''): PlannedChange {
  return change(CREATE, object, field, { after });
}

export function removed(object: string, before: string, field = ''): PlannedChange {
  return change(REMOVE, object, field, { before });
}

export function changed(object: string, field: string, before: string, after: string): PlannedChange {
  return change(CHANGE, object, field, { before, after });
}

/** Field by field. */
export function difference(object: string, before: Fields, after: Fields, prefix = ''): PlannedChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    const field = `${prefix}${name}`;
    if (was === is) return [];
    if (was === undefined) return [created(object, is ?? '', field)];
    return is === undefined ? [removed(object, was, field)] : [changed(object, field, was, is)];
  });
}

/** What one release says otherwise than another. A process that is new, or gone, is one change. */
export function releaseDifference(object: string, before: ReleaseSpec, after: ReleaseSpec): PlannedChange[] {
  const names = [...new Set([...Object.keys(before.processes), ...Object.keys(after.processes)])].sort();
  return [
    ...difference(object, releaseFields(before), releaseFields(after)),
    ...names.flatMap((name) => {
      const [was, is] = [entryOf(before.processes, name), entryOf(after.processes, name)];
      const field = `processes.${name}`;
      if (was && is) return difference(object, processFields(was), processFields(is), `${field}.`);
      if (is) return [created(object, processInShort(is), field)];
      return was ? [removed(object, processInShort(was), field)] : [];
    }),
  ];
}

function change(
  action: PlannedChange_Action,
  object: string,
  field: string,
  { before = '', after = '' }: { readonly before?: string; readonly after?: string },
): PlannedChange {
  return { action, object, field, before: cut(before), after: cut(after) };
}

function cut(text: string): string {
  return text.length > maxValueChars ? `${text.slice(0, maxValueChars)}…` : text;
}
