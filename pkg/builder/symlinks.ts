/** As Linux: a path that goes through more links than this leads nowhere. */
const MAX_LINKS = 40;

/**
 * Whether following the link at `path` ever leaves the tree. `links` has all links of the tree, path → target. Names
 * are followed one by one as the kernel does, because `a/..` is not where one was when `a` is itself a link.
 */
export function escapes(path: string, links: ReadonlyMap<string, string>): boolean {
  const at: string[] = [];
  const todo = path.split('/').reverse();
  let followed = 0;
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return true;
      continue;
    }
    at.push(part);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    if (target.startsWith('/')) return true;
    if (++followed > MAX_LINKS) return false;
    at.pop();
    todo.push(...target.split('/').reverse());
  }
  return false;
}
