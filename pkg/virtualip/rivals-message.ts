import type { Rival } from './rivals';

/** What speaks against translating, and what whoever has the machine can do about it. */
export function rivalsMessage(
  own: string,
  rivals: readonly Pick<Rival, 'name' | 'id'>[],
  range: string,
): string {
  const names = rivals.map(({ name, id }) => name ?? `another network of this kernel (BPF map ${id})`);
  const downs = rivals
    .flatMap(({ name }) => stageOf(name) ?? [])
    .map((stage) => `gilliam down --stage ${stage}`);
  const ways = [
    ...(downs.length > 0 ? [`by ${downs.join(', ')}`] : []),
    `${downs.length > 0 ? 'where its data is gone ' : ''}as docs/operating.md says of stages that were killed`,
  ];
  const other = rivals.length > 1 ? 'others' : 'other';
  return `${names.join(', ')} and ${own} both have addresses of ${range} on this machine: take the ${other} away, ${ways.join(', or ')}`;
}

/** Of what is named after a stage's key; the names of stages have dashes where that has none. */
function stageOf(name = ''): string | undefined {
  return /^gilliam_([a-z][a-z0-9_]*)_[0-9a-f]{8}$/.exec(name)?.[1]?.replaceAll('_', '-');
}
