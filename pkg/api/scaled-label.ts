import type { Scale } from '../resource/objects';

/**
 * Which processes of the scale have ever had a factor, `web,worker`. A factor of 0 is not kept, and yet has to be told
 * from none: a process that was scaled to none stays there when its formation is applied again.
 */
const scaledLabel = 'gilliam.dev/scaled';

/** The labels of a scale that is to have these factors. */
export function scaledLabels(
  before: Scale | undefined,
  factors: Readonly<Record<string, number>>,
): Record<string, string> {
  const names = new Set([...scaledProcesses(before), ...Object.keys(factors)]);
  for (const name of Object.keys(before?.spec.factors ?? {})) names.add(name);
  return { ...before?.metadata.labels, [scaledLabel]: [...names].sort().join(',') };
}

export function scaledProcesses(scale: Scale | undefined): readonly string[] {
  const value = scale?.metadata.labels[scaledLabel] ?? '';
  return value.split(',').filter((name) => name !== '');
}
