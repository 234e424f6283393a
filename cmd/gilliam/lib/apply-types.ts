import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { InvalidError, messageOf } from '../../../pkg/base/errors';
import type { TypeCatalog, TypeFile } from '../../../pkg/manifest/type-catalog';
import { typeCatalog } from '../../../pkg/manifest/type-catalog';
import { gilliamHome } from '../../../pkg/stage/paths';
import { readText } from './user-file';

/** A project's own types are in files of this directory. */
export const TYPES_DIRECTORY = 'gilliam.types';

/** Where types are looked for. */
export interface TypePlaces {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stage: string;
}

/**
 * The types that manifests of a directory may name. What is nearer goes before what is farther: the project's own
 * `gilliam.types`, of the directory before those above it; npm packages that the project depends on; the stage's, and the
 * person's, in the home of gilliam; those that are built in.
 */
export class TypeFinder {
  readonly #catalogs = new Map<string, TypeCatalog>();
  readonly #files = new Map<string, readonly TypeFile[]>();

  constructor(private readonly places: TypePlaces) {}

  catalog(directory: string): TypeCatalog {
    const groups = this.#groups(directory);
    // Manifests of one project have one catalog.
    const key = JSON.stringify(groups.map((group) => group.map(({ file }) => file)));
    const known = this.#catalogs.get(key);
    if (known) return known;
    const made = typeCatalog(groups);
    this.#catalogs.set(key, made);
    return made;
  }

  #groups(directory: string): readonly (readonly TypeFile[])[] {
    const home = gilliamHome(this.places.env);
    const above = ancestors(directory);
    return [
      this.#in(join(home, 'types')),
      this.#in(join(home, 'stages', `${this.places.stage}.types`)),
      ...above.map((at) => this.#ofPackages(at)),
      ...above.map((at) => this.#in(join(at, TYPES_DIRECTORY))),
    ].filter((group) => group.length > 0);
  }

  /** The files of a directory; none where there is none. */
  #in(directory: string): readonly TypeFile[] {
    const known = this.#files.get(directory);
    if (known) return known;
    const names = listFiles(directory).filter((name) => /\.ya?ml$/.test(name));
    const files = names.map((name): TypeFile => {
      const path = join(directory, name);
      const fromHere = relative(this.places.cwd, path);
      const file = fromHere.startsWith('../../') ? path : fromHere;
      return { file, text: readText(path, file) };
    });
    this.#files.set(directory, files);
    return files;
  }

  /** The types of packages that the project in this directory depends on: those that say `"gilliam": {"types": …}`. */
  #ofPackages(directory: string): readonly TypeFile[] {
    const key = join(directory, 'package.json');
    const known = this.#files.get(key);
    if (known) return known;
    const { dependencies, devDependencies } = readPackage(key) ?? {};
    const files = Object.keys({ ...dependencies, ...devDependencies }).flatMap((name) => {
      const home = packageDirectory(directory, name);
      const types = home === undefined ? undefined : readPackage(join(home, 'package.json'))?.gilliam?.types;
      if (home === undefined || types === undefined) return [];
      if (typeof types !== 'string' || relative(home, join(home, types)).startsWith('..')) {
        throw new InvalidError(
          `package ${name} says gilliam.types, but not a directory of its own: remove the package`,
        );
      }
      return this.#in(join(home, types));
    });
    this.#files.set(key, files);
    return files;
  }
}

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly devDependencies?: Readonly<Record<string, unknown>>;
  readonly gilliam?: { readonly types?: unknown };
}

/** From the root down to the directory. */
function ancestors(directory: string): readonly string[] {
  const found: string[] = [];
  for (let at = directory; ; at = dirname(at)) {
    found.unshift(at);
    // What is above a repository belongs to others.
    if (at === dirname(at) || exists(join(at, '.git'))) return found;
  }
}

function packageDirectory(from: string, name: string): string | undefined {
  if (!/^(?:@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/i.test(name)) return undefined;
  for (let at = from; ; at = dirname(at)) {
    const directory = join(at, 'node_modules', name);
    if (exists(join(directory, 'package.json'))) return directory;
    if (at === dirname(at)) return undefined;
  }
}

function readPackage(path: string): PackageFile | undefined {
  if (!exists(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PackageFile;
  } catch (error) {
    throw new InvalidError(`${path} is not JSON: ${messageOf(error)}`, [], { cause: error });
  }
}

function listFiles(directory: string): readonly string[] {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(directory).sort();
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
