/**
 * What a stage has in the kernel is named after its key, in characters that nft takes: its tables, and what it pins in the
 * BPF file system. `gilliam_local_1f2e3d4c`
 */
export function tableName(stageKey: string): string {
  return `gilliam_${stageKey.replace(/[^A-Za-z0-9_]/g, '_')}`;
}
