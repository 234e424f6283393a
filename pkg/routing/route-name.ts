import { MAX_LABEL_LENGTH, toLabel } from '../resource/names';

/** A name for the route of a pattern that is not among the taken ones: `myapp-com-user-username`, then `…-2`. */
export function routeNameOf(pattern: string, taken: ReadonlySet<string>): string {
  // Expressions say little to people.
  const words = pattern.replace(/\{([A-Za-z0-9_]*)(?::(?:[^{}]|\{[^{}]*\})*)?\}/g, '-$1-');
  const base = toLabel(words) ?? 'route';
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : `-${number}`;
    const name = `${base.slice(0, MAX_LABEL_LENGTH - suffix.length).replace(/-+$/, '')}${suffix}`;
    if (!taken.has(name)) return name;
  }
}
