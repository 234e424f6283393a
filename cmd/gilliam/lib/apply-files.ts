import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { MANIFEST_FILE } from '../../../pkg/manifest/file-name';
import { UsageError } from './errors';

// Far more than a repository has formations.
const maxManifests = 1_000;
const maxDirectories = 100_000;
const skipped = new Set(['node_modules', 'gilliam.types']);

/** A manifest as it was found. */
export interface FoundFile {
  readonly path: string;
  /** As people write it, from where they are. */
  readonly shown: string;
  readonly directory: string;
}

/**
 * The manifests that are meant: files as they are named, of directories every `gilliam.yml` in them and below. Without
 * any, the nearest one here or above. Throws UsageError for what is not there.
 */
export function findManifests(given: readonly string[], cwd: string): FoundFile[] {
  const paths =
    given.length === 0 ? [nearest(cwd)] : given.flatMap((path) => expand(resolve(cwd, path), path));
  return [...new Set(paths)].map((path) => ({
    path,
    shown: shorter(path, relative(cwd, path)),
    directory: dirname(path),
  }));
}

/** The manifest of this directory, or of one above; undefined where there is none. */
export function nearestManifest(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const path = join(at, MANIFEST_FILE);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
    if (at === dirname(at)) return undefined;
  }
}

function nearest(cwd: string): string {
  const found = nearestManifest(cwd);
  if (found !== undefined) return found;
  throw new UsageError(`no ${MANIFEST_FILE} here or above: write one, or name it with -f`);
}

function expand(path: string, given: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`-f ${given}: there is no such file or directory`);
  if (!found.isDirectory()) return [path];
  const manifests = below(path, given);
  if (manifests.length === 0) throw new UsageError(`-f ${given}: no ${MANIFEST_FILE} in it or below`);
  return manifests;
}

function below(root: string, given: string): string[] {
  const found: string[] = [];
  const open = [root];
  for (let visited = 0; open.length > 0; visited += 1) {
    const directory = open.pop() as string;
    if (visited > maxDirectories)
      throw new UsageError(`-f ${given}: more than ${maxDirectories} directories`);
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      // Links are not followed: they may lead in a circle.
      if (entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name)) open.push(path);
      else if (entry.isFile() && entry.name === MANIFEST_FILE) found.push(path);
    }
    if (found.length > maxManifests) throw new UsageError(`-f ${given}: more than ${maxManifests} manifests`);
  }
  return found.sort();
}

function shorter(absolute: string, fromHere: string): string {
  return fromHere !== '' && fromHere.length < absolute.length ? fromHere : absolute;
}
