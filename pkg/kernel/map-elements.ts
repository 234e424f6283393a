/** An element of a map of the kernel's. */
export interface Element {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** What bpftool says when it dumps a map. An element that went meanwhile has no value, and is left out. */
export function elementsIn(dump: unknown): readonly Element[] {
  if (!Array.isArray(dump)) return [];
  return dump.flatMap(({ key, value }: { key?: unknown; value?: unknown }) =>
    Array.isArray(key) && Array.isArray(value) ? [{ key: bytes(key), value: bytes(value) }] : [],
  );
}

function bytes(words: readonly unknown[]): Buffer {
  return Buffer.from(words.map((word) => Number(word)));
}
