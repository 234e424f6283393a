import { MAX_LABEL_KEY, MAX_LABEL_VALUE, MAX_LABELS } from './bounds';
import { quote } from './names';
import { hasControl } from './text';
import type { Violations } from './violations';

const key = /^[A-Za-z0-9_](?:[-A-Za-z0-9_./]*[A-Za-z0-9_])?$/;

/** Checks labels of an object, or tags of an executor. `what` is the noun for messages: `label`, `tag`. */
export function checkLabels(
  what: string,
  labels: Readonly<Record<string, string>>,
  field: string,
  found: Violations,
): void {
  const entries = Object.entries(labels);
  found.require(
    entries.length <= MAX_LABELS,
    field,
    () => `there are ${entries.length} ${what}s: the limit is ${MAX_LABELS}`,
  );
  for (const [name, value] of entries.slice(0, MAX_LABELS)) {
    found.require(
      key.test(name) && name.length <= MAX_LABEL_KEY && name !== '__proto__',
      field,
      () =>
        `${what} name ${quote(name)} is not allowed: use 1 to ${MAX_LABEL_KEY} letters, digits, and _ - . / between them`,
    );
    found.require(
      value.length <= MAX_LABEL_VALUE && !hasControl(value),
      `${field}.${name}`,
      () =>
        `${what} ${quote(name)} has a value that is too long or not one line: the limit is ${MAX_LABEL_VALUE} characters`,
    );
  }
}
