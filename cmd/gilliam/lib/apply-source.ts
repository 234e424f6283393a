import { join } from 'node:path';
import { PreconditionError } from '../../../pkg/base/errors';
import { detect } from '../../../pkg/builder/detect';
import { processesOf } from '../../../pkg/builder/processes';
import type { Process } from '../../../pkg/gen/gilliam/v1/release';
import type { Manifest } from '../../../pkg/manifest/manifest';
import type { Context } from '../context';
import type { Loaded } from './apply-load';
import { readSources, type Source } from './git-tree';

/** What the image of a formation is made of; absent where it has none. */
export interface WithSource extends Loaded {
  readonly source?: Source;
  /** The processes that the source says by itself. */
  readonly detected: Readonly<Record<string, Process>>;
}

/** Reads the sources of all manifests from git. Throws PreconditionError, saying what to do, for one that is missing. */
export async function withSources(
  loaded: readonly Loaded[],
  around: Pick<Context, 'env' | 'signal'>,
): Promise<WithSource[]> {
  const building = loaded.filter(({ manifest }) => manifest.image === undefined);
  const sources = await readSources(building.map(sourceDirectory), around);
  return loaded.map((each) => {
    const source = sources.get(sourceDirectory(each));
    if (each.manifest.image !== undefined || source === undefined) return { ...each, detected: {} };
    if (source instanceof PreconditionError) {
      // Auxiliary services alone need no source.
      if (!needsSource(each.manifest)) return { ...each, detected: {} };
      throw new PreconditionError(`${each.formation}: ${source.message}`, { cause: source });
    }
    if (!needsSource(each.manifest) && !saysWhatRuns(source)) return { ...each, detected: {} };
    return { ...each, source, detected: detectedProcesses(each.manifest, source) };
  });
}

/** The processes that a source says by itself. */
function detectedProcesses(manifest: Manifest, { tree }: Source): Record<string, Process> {
  const commandsElsewhere = Object.keys(manifest.processes ?? {}).length > 0;
  const all = processesOf(detect(tree, { commandsElsewhere }));
  return namedProcesses(manifest, all, tree.texts.has('Procfile'));
}

/** All processes of a Procfile; of those that are only guessed, what the manifest names. */
export function namedProcesses(
  { processes: named = {} }: Manifest,
  detected: Readonly<Record<string, Process>>,
  hasProcfile: boolean,
): Record<string, Process> {
  if (hasProcfile || Object.keys(named).length === 0) return { ...detected };
  return Object.fromEntries(Object.entries(detected).filter(([name]) => Object.hasOwn(named, name)));
}

function sourceDirectory({ directory, manifest }: Loaded): string {
  return join(directory, manifest.source ?? '.');
}

function needsSource({ processes = {}, source, cron = {} }: Manifest): boolean {
  return source !== undefined || Object.keys(processes).length > 0 || Object.keys(cron).length > 0;
}

function saysWhatRuns({ tree }: Source): boolean {
  try {
    return Object.keys(processesOf(detect(tree))).length > 0;
  } catch {
    return false;
  }
}
