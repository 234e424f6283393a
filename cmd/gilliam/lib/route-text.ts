/** `host/path` of a pattern: taken apart at the first slash that is not within a variable's expression. */
export function splitPattern(pattern: string): { readonly host: string; readonly path: string } {
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '\\') at += 1;
    else if (char === '{') depth += 1;
    else if (char === '}') depth -= 1;
    else if (char === '/' && depth === 0) return { host: pattern.slice(0, at), path: pattern.slice(at) };
  }
  return { host: pattern, path: '' };
}

/** `web.shop.service/path` → the name and the path; the path is empty where there is none. */
export function splitTarget(target: string): { readonly name: string; readonly path: string } {
  const at = target.indexOf('/');
  return at === -1 ? { name: target, path: '' } : { name: target.slice(0, at), path: target.slice(at) };
}

/** The formation that a target names, where it does so without variables. */
export function formationOfTarget(target: string): string | undefined {
  const labels = splitTarget(target).name.split('.');
  const formation = labels.at(-2);
  if (labels.length < 3 || labels.at(-1) !== 'service' || !formation || /[{}]/.test(formation))
    return undefined;
  return formation;
}
