import { InvalidError } from '../base/errors';
import type { ExtraFile } from './spool';
import { staticServer } from './static-server';
import type { SourceTree } from './tree';
import { CERTIFICATES, GENERATED_DOCKERFILE, OWN_DIRECTORY, STATIC_SERVER } from './tree';

/**
 * The files that the builder adds below `.gilliam/`: the Dockerfile where it made it, and those others that the
 * Dockerfile names and the tree does not have. So an own Dockerfile can use them too, and one that does not is built
 * from the tree alone.
 */
export function contextFiles(
  tree: SourceTree,
  dockerfile: { readonly text: string; readonly generated: boolean },
  caBundle: string,
): readonly ExtraFile[] {
  const files: ExtraFile[] = [
    { path: CERTIFICATES, text: caBundle },
    { path: STATIC_SERVER, text: staticServer },
  ].filter(({ path }) => dockerfile.text.includes(path) && !tree.entries.has(path));
  if (dockerfile.generated) files.push({ path: GENERATED_DOCKERFILE, text: dockerfile.text });
  const clash = files.find(({ path }) => tree.entries.has(path))?.path ?? OWN_DIRECTORY;
  const kind = tree.entries.get(clash);
  if (files.length > 0 && kind !== undefined && !(clash === OWN_DIRECTORY && kind === 'directory')) {
    throw new InvalidError(`the tree is refused: ${clash} is a name of the builder's own: rename it`);
  }
  return files;
}
