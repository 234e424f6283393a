import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InvalidError, messageOf } from '../../../pkg/base/errors';
import { fileReason } from '../../../pkg/base/file-reason';
import { MANIFEST_FILE } from '../../../pkg/manifest/file-name';

export const appFileName = '.gilliam.app';

/** `.gilliam.app`: which formation a directory belongs to. */
export interface AppFile {
  readonly path: string;
  /** The directory that it is in: what is deployed. */
  readonly directory: string;
  readonly formation: string;
  readonly stage?: string;
}

/** The nearest one, in this directory or above. */
export function findAppFile(directory: string): AppFile | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const found = readAppFile(at);
    if (found || at === dirname(at)) return found;
  }
}

/** The one of this directory. Throws InvalidError when it is not as it must be. */
export function readAppFile(directory: string): AppFile | undefined {
  const path = join(directory, appFileName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new InvalidError(`${path} cannot be read: ${fileReason(error)}`, [], { cause: error });
  }
  return { path, directory, ...parseAppFile(text, path) };
}

/**
 * The formation that the nearest `gilliam.yml` is about, in this directory or above, and where that is. Undefined where
 * there is none, or where it does not name one in a line of its own: it is not parsed here, which is for `apply`.
 */
export function findManifestFormation(
  directory: string,
): Pick<AppFile, 'directory' | 'formation'> | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const text = readIfFile(join(at, MANIFEST_FILE));
    if (text !== undefined) {
      const formation = /^formation:[ \t]+(["']?)([a-z0-9-]+)\1[ \t]*(?:#.*)?\r?$/m.exec(text)?.[2];
      return formation === undefined ? undefined : { directory: at, formation };
    }
    if (at === dirname(at)) return undefined;
  }
}

function readIfFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What `gilliam create` writes. */
export function formatAppFile(app: Pick<AppFile, 'formation' | 'stage'>): string {
  return `formation: ${app.formation}\n${app.stage ? `stage: ${app.stage}\n` : ''}`;
}

function parseAppFile(text: string, path: string): Pick<AppFile, 'formation' | 'stage'> {
  const wrong = (why: string, cause?: unknown) =>
    new InvalidError(`${path} is not as it must be: ${why}: write "formation: NAME" into it`, [], { cause });
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw wrong(messageOf(error).split('\n')[0] ?? '', error);
  }
  const { formation, stage } = (value ?? {}) as Record<string, unknown>;
  if (typeof formation !== 'string' || formation === '') throw wrong('it names no formation');
  if (stage !== undefined && typeof stage !== 'string') throw wrong('its stage is not a name');
  return { formation, stage };
}

function parseYaml(text: string): unknown {
  // What `gilliam create` writes needs no parser of YAML, which takes a tenth of a command's start to load.
  const plain = /^formation: ([a-z0-9-]+)\n(?:stage: ([a-z0-9-]+)\n)?$/.exec(text);
  if (plain) return { formation: plain[1], stage: plain[2] };
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  return (require('yaml') as typeof import('yaml')).parse(text);
}
