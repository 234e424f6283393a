/** What a source tree is made of, as far as detection and planning want to know. */
export interface SourceTree {
  /** All entries below the root: path → what it is. Directories are there even when the archive only implies them. */
  readonly entries: ReadonlyMap<string, EntryKind>;
  /** The contents of those files of the root that say how the tree is built: path → text. */
  readonly texts: ReadonlyMap<string, string>;
}

export type EntryKind = 'file' | 'directory' | 'symlink';

/** The files of the root that detection reads. */
export const READ_FILES: ReadonlySet<string> = new Set([
  '.dockerignore',
  'Dockerfile',
  'Procfile',
  'package.json',
  'pyproject.toml',
  'requirements.txt',
]);

/** The directory of the build context in which the builder adds files of its own. */
export const OWN_DIRECTORY = '.gilliam';

/** Where a Dockerfile finds the certificates that the building machine trusts, if it names this path. */
export const CERTIFICATES = `${OWN_DIRECTORY}/ca.crt`;

/** Where a Dockerfile finds the static file server, if it names this path. */
export const STATIC_SERVER = `${OWN_DIRECTORY}/static.js`;

/** Where the builder puts the Dockerfile it has made. */
export const GENERATED_DOCKERFILE = `${OWN_DIRECTORY}/Dockerfile`;
