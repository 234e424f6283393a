/** A 32-bit hash of a text (FNV-1a over UTF-16 units): the same on every machine and in every version. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** One hash of two (murmur3's finalizer, in which every bit of the input changes half of the output's). */
export function mixHashes(left: number, right: number): number {
  let hash = left ^ Math.imul(right, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
