import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names a build of the daemons: the version, and what the files are, so that a rebuilt one is another. */
export function buildId(packageRoot: string, version: string): string {
  const directory = join(packageRoot, 'dist/cmd');
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort()) {
    if (name.endsWith('.js')) hash.update(name).update(readFileSync(join(directory, name)));
  }
  return `${version}+${hash.digest('hex').slice(0, 8)}`;
}
