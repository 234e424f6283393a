import type { CST } from 'yaml';

type Token = CST.Token | null | undefined;

/**
 * Where the first list or mapping begins that stands in more than `levels` others; undefined where none does. Looks before
 * anything descends into them: what runs out of stack cannot be relied on to throw, since the engine ends the whole process
 * when it is about to compile a regular expression then.
 */
export function nestedDeeper(root: CST.Token, levels: number): number | undefined {
  const open: { readonly token: Token; readonly depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (!token) continue;
    if (token.type === 'document') open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (depth > levels) return token.offset;
    // The last one is looked at first: so from behind.
    for (const item of token.items.toReversed()) {
      open.push({ token: item.value, depth: depth + 1 }, { token: item.key, depth: depth + 1 });
    }
  }
  return undefined;
}
