/**
 * The record's own entry. Names come from users, and `constructor` is a sound name for a process: `record[name]` would
 * find what every object inherits.
 */
export function entryOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
