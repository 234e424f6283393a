/** A 32-bit hash of a text, the same on every machine and in every version. */
export function hashText(text: string): number {
  // FNV-1a over UTF-16 units, which leaves texts that differ at their end (e1, e2) close together ...
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  // ... hence murmur3's finalizer, in which every bit of the input changes half of the output's.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
