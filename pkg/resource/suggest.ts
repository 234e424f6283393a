import { closest, distance } from 'fastest-levenshtein';

/** The known name that was most likely meant; undefined when none is near. */
export function nearest(wanted: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || wanted.length > 256) return undefined;
  const lower = wanted.toLowerCase();
  const best = closest(lower, [...known].sort());
  // Half of a short name may be wrong (`wbe`), at most three letters of a long one: the rest is guessing.
  const allowed = Math.min(3, Math.ceil(Math.max(lower.length, best.length) / 2));
  return distance(lower, best.toLowerCase()) <= allowed ? best : undefined;
}

/**
 * The end of a sentence about an unknown name: `did you mean "worker"?`, or what there is instead: `there are web and
 * worker`, `there is none`.
 */
export function suggestion(wanted: string, known: readonly string[]): string {
  const near = nearest(wanted, known);
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}?`;
  if (known.length === 0) return 'there is none';
  const sorted = [...known].sort();
  const shown = sorted.slice(0, 5);
  if (sorted.length > 5) return `there are ${shown.join(', ')} and ${sorted.length - 5} more`;
  const last = shown.pop();
  return shown.length === 0 ? `there is only ${last}` : `there are ${shown.join(', ')} and ${last}`;
}
