/** Cuts a list into at most `count` pieces that follow each other, and differ in length by one at most. */
export function blocksOf<T>(list: readonly T[], count: number): readonly (readonly T[])[] {
  const blocks: (readonly T[])[] = [];
  let start = 0;
  for (let index = 0; index < Math.min(count, list.length); index++) {
    const length = Math.ceil((list.length - start) / (Math.min(count, list.length) - index));
    blocks.push(list.slice(start, start + length));
    start += length;
  }
  return blocks;
}
