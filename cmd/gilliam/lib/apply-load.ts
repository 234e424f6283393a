import { dirname } from 'node:path';
import { InvalidError } from '../../../pkg/base/errors';
import type { Manifest } from '../../../pkg/manifest/manifest';
import { parseManifest } from '../../../pkg/manifest/manifest';
import { findAppFile } from './app-file';
import type { FoundFile } from './apply-files';
import { TypeFinder, type TypePlaces } from './apply-types';
import { UsageError } from './errors';
import { readText } from './user-file';

/** A manifest, read, and the formation that it is about. */
export interface Loaded {
  readonly formation: string;
  readonly manifest: Manifest;
  readonly directory: string;
}

export interface LoadOptions extends TypePlaces {
  /** The formation where a manifest names none, and its directory is of none: for a single one. */
  readonly formation?: string;
}

/** Reads all of them, and throws one InvalidError for all that is wrong with any. */
export function loadManifests(files: readonly FoundFile[], options: LoadOptions): Loaded[] {
  const types = new TypeFinder(options);
  return collect(files, (file) => {
    const text = readText(file.path, file.shown);
    const manifest = parseManifest(text, { file: file.shown, types: types.catalog(file.directory) });
    return {
      manifest,
      directory: file.directory,
      formation: formationOf(manifest, file, files.length === 1 ? options.formation : undefined),
    };
  });
}

/** Maps all of them; where any throws InvalidError, one is thrown for all. */
export function collect<T, R>(items: readonly T[], map: (item: T) => R): R[] {
  const mapped: R[] = [];
  const faults: InvalidError[] = [];
  for (const item of items) {
    try {
      mapped.push(map(item));
    } catch (error) {
      if (!(error instanceof InvalidError)) throw error;
      faults.push(error);
    }
  }
  const [first, ...more] = faults;
  if (!first) return mapped;
  if (more.length === 0) throw first;
  const violations = faults.flatMap((fault) =>
    fault.violations.length > 0 ? fault.violations : [{ field: '', description: fault.message }],
  );
  throw new InvalidError(
    `${violations[0]?.description} (and ${violations.length - 1} more faults)`,
    violations,
    { cause: first },
  );
}

function formationOf(manifest: Manifest, file: FoundFile, given: string | undefined): string {
  if (manifest.formation !== undefined) {
    if (given === undefined || given === manifest.formation) return manifest.formation;
    throw new UsageError(
      `${file.shown} is about ${manifest.formation}, and ${given} was asked for: leave one of them out`,
    );
  }
  const name = given ?? findAppFile(dirname(file.path))?.formation;
  if (name !== undefined) return name;
  throw new InvalidError(
    `${file.shown}:1:1: formation is missing: write formation: NAME, or call gilliam create NAME in this directory`,
  );
}
