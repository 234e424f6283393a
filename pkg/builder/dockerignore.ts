/**
 * Whether a .dockerignore leaves a path out of the build context. The rules are Docker's: the last pattern that matches
 * the path or a directory above it decides, `!` takes a path in again. Applied here because the engine does not.
 */
export function dockerignore(text: string): (path: string) => boolean {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(toRule)
    .filter((rule) => rule !== undefined);
  return (path) => {
    if (path === 'Dockerfile' || path === '.dockerignore') return false;
    let ignored = false;
    for (const rule of rules) {
      if (rule.ignore !== ignored && prefixes(path).some((prefix) => rule.pattern.test(prefix))) {
        ignored = rule.ignore;
      }
    }
    return ignored;
  };
}

interface Rule {
  readonly ignore: boolean;
  readonly pattern: RegExp;
}

function toRule(line: string): Rule | undefined {
  const ignore = !line.startsWith('!');
  const parts = (ignore ? line : line.slice(1))
    .trim()
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..')) return undefined;
  const source = parts
    .map((part, index) => {
      const last = index === parts.length - 1;
      if (part === '**') return last ? '.*' : '(?:.*/)?';
      return segment(part) + (last ? '' : '/');
    })
    .join('');
  try {
    return { ignore, pattern: new RegExp(`^${source}$`, 's') };
  } catch {
    // A class like `[z-a]`: matches nothing.
    return undefined;
  }
}

function segment(part: string): string {
  return part.replace(/\*\*|\*|\?|\\.|\[[^\]]+\]|[^*?\\[]/gs, (token) => {
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.startsWith('[') && token.length > 1) return token;
    return escapeRegExp(token.startsWith('\\') ? token.slice(1) : token);
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

function prefixes(path: string): readonly string[] {
  const found = [path];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    found.push(path.slice(0, end));
  }
  return found;
}
