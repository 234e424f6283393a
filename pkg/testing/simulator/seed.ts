/** A seed of its own for each part, so that what one draws more or less does not change what the others draw. */
export function seedOf(seed: number, part: string): number {
  // FNV-1a over the part's name.
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const char of part) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
}
