// Relative links and anchors of all Markdown files lead to a file and a heading that are there.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const list = ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'];
const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).trim().split('\n');

const withoutCode = (text) => text.replace(/^(```|~~~).*?^\1/gms, '').replace(/`[^`\n]*`/g, '');

/** A heading's anchor, as GitHub makes it. */
function anchors(path) {
  const headings = readFileSync(path, 'utf8').match(/^#{1,6} .*$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

let broken = 0;
for (const file of files.filter((name) => existsSync(join(root, name)))) {
  const path = join(root, file);
  for (const [, link] of withoutCode(readFileSync(path, 'utf8')).matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [name, anchor] = link.split('#');
    const target = name === '' ? path : join(dirname(path), decodeURI(name));
    const found =
      existsSync(target) && (!anchor || !target.endsWith('.md') || anchors(target).includes(anchor));
    if (found) continue;
    console.log(`${relative(root, path)}: ${link} leads nowhere`);
    broken++;
  }
}
process.exit(broken > 0 ? 1 : 0);
