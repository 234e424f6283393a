import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../../pkg/client/client';
import type { Process, Release } from '../../../pkg/gen/gilliam/v1/release';
import { toDesired } from '../../../pkg/manifest/desired';
import { MANIFEST_FILE } from '../../../pkg/manifest/file-name';
import type { FoundFile } from './apply-files';
import { type BuildAround, buildServices, knownImages, planImages, withImages } from './apply-images';
import { type Loaded, loadManifests, type LoadOptions } from './apply-load';
import { namedProcesses } from './apply-source';

/** The manifest beside what is deployed; undefined where there is none. Throws InvalidError for what is wrong in it. */
export function manifestOf(directory: string, load: LoadOptions): Loaded | undefined {
  const path = join(directory, MANIFEST_FILE);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const file: FoundFile = { path, shown: MANIFEST_FILE, directory };
  return loadManifests([file], load)[0];
}

/** What a deploy knows of the tree. */
export interface Deployed {
  /** As the builder found them. */
  readonly processes: Readonly<Record<string, Process>>;
  readonly hasProcfile: boolean;
}

/**
 * The processes of a release of the tree, as the manifest refines them, and its auxiliary services. Builds what those
 * lack; without `around`, a digest of what would be built stands for it.
 */
export async function refinedProcesses(
  client: Client,
  loaded: Loaded,
  { processes, hasProcfile }: Deployed,
  newest: Release | undefined,
  around?: BuildAround,
): Promise<Record<string, Process>> {
  const detected = namedProcesses(loaded.manifest, processes, hasProcfile);
  const item = withImages({ ...loaded, detected }, newest);
  const known = knownImages([item]);
  // All of it is checked before anything is built for it.
  toDesired(loaded.manifest, {
    ...planImages(item, known),
    formation: loaded.formation,
    processes: detected,
  });
  if (around) await buildServices(client, item, known, around);
  const { images } = planImages(item, known);
  const desired = toDesired(loaded.manifest, { formation: loaded.formation, images, processes: detected });
  return desired.release?.processes ?? {};
}
