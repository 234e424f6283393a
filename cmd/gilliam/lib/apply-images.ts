import { createHash } from 'node:crypto';
import { pack } from 'tar-stream';
import { PreconditionError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { BuiltSource } from '../../../pkg/gen/gilliam/v1/formation';
import type { Release } from '../../../pkg/gen/gilliam/v1/release';
import { auxiliaryImages, type AuxiliaryTree } from '../../../pkg/manifest/auxiliary-image';
import type { AuxiliaryImage } from '../../../pkg/manifest/desired';
import { entryOf } from '../../../pkg/resource/entries';
import type { Context } from '../context';
import type { WithSource } from './apply-source';
import { type BuildReporter, buildHead, buildTree } from './build-head';

/** A formation with the images that it needs, and the newest release that may have them. */
export interface WithImages extends WithSource {
  readonly newest?: Release;
  /** What the formation's last build was made of, and came to. */
  readonly built?: BuiltSource;
  /** Auxiliary service → what its image is made of. */
  readonly trees: ReadonlyMap<string, SourceOfService>;
}

export interface SourceOfService {
  readonly hash: string;
  /** In the order in which they are tried: a registry may be out of reach. */
  readonly candidates: readonly AuxiliaryTree[];
}

/** The images of one formation. */
export interface Images {
  /** Empty for the newest release's. */
  readonly image: string;
  readonly images: ReadonlyMap<string, AuxiliaryImage>;
}

/** Which images there are, and which have to be built first: for those, `pending` says what of. */
export interface ImagePlan extends Images {
  /** Whether the app's image has to be built. */
  readonly buildsApp: boolean;
  /** Services whose image has to be built. */
  readonly services: readonly string[];
}

export function withImages(item: WithSource, newest: Release | undefined, built?: BuiltSource): WithImages {
  const trees = new Map<string, SourceOfService>();
  for (const [name, { type, version }] of item.manifest.auxiliary) {
    const candidates = auxiliaryImages(type, version);
    trees.set(name, { candidates, hash: hashOf(candidates) });
  }
  return { ...item, trees, ...(newest && { newest }), ...(built && { built }) };
}

/**
 * What is there already: the newest release's image when its source is the same, and of services what any of the
 * formations has of the same source. In place of what is not, a digest made of the source stands for it, in plans only.
 */
export function planImages(item: WithImages, known: ReadonlyMap<string, string>): ImagePlan {
  const { source, newest, built } = item;
  const image = newest?.spec?.image ?? '';
  // Another source may have come to the same image: then there is no release that says so.
  const sources = [newest?.spec?.source, ...(built?.image === image ? [built.source] : [])];
  const same = newest !== undefined && image !== '' && sources.includes(source?.hash);
  const buildsApp = source !== undefined && !same;
  const images = new Map<string, AuxiliaryImage>();
  const services: string[] = [];
  for (const [name, { hash }] of item.trees) {
    const image = known.get(serviceKey(item, name, hash)) ?? known.get(hash);
    if (image === undefined) services.push(name);
    images.set(name, { image: image ?? standIn(hash), source: hash });
  }
  return { image: buildsApp ? standIn(source.hash) : '', images, buildsApp, services };
}

/** Source → image, of all services of the formations' newest releases; of the formation itself first. */
export function knownImages(items: readonly WithImages[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const item of items) {
    for (const [name, { hash }] of item.trees) {
      const process = entryOf(item.newest?.spec?.processes ?? {}, name);
      if (!process || process.image === '' || process.auxiliary?.source !== hash) continue;
      known.set(serviceKey(item, name, hash), process.image);
      if (!known.has(hash)) known.set(hash, process.image);
    }
  }
  return known;
}

/** A digest that no image has: it stands for what is yet to be built. */
export function standIn(hash: string): string {
  return `sha256:${hash}`;
}

export interface BuildAround extends Pick<Context, 'env' | 'signal'> {
  /** Said before each build: `shop: image`. */
  announce(what: string): void;
  readonly reporter: BuildReporter;
}

/** Builds what the plan lacks, and remembers services' images in `known`: two that are the same are built once. */
export async function buildImages(
  client: Client,
  item: WithImages,
  known: Map<string, string>,
  around: BuildAround,
): Promise<Images> {
  const plan = planImages(item, known);
  let { image } = plan;
  if (plan.buildsApp && item.source) {
    around.announce(item.formation);
    const { source } = item;
    const parent = `formations/${item.formation}`;
    const target = { parent, head: source, forApply: true, source: source.hash };
    image = (await buildHead(client, target, around.reporter, around)).image;
  }
  await buildServices(client, item, known, around);
  return { image, images: planImages(item, known).images };
}

/** Builds the images of auxiliary services that are not there, and remembers them in `known`. */
export async function buildServices(
  client: Client,
  item: WithImages,
  known: Map<string, string>,
  around: BuildAround,
): Promise<void> {
  const parent = `formations/${item.formation}`;
  for (const name of planImages(item, known).services) {
    const tree = item.trees.get(name);
    if (!tree || known.has(tree.hash)) continue;
    around.announce(`${item.formation} ${name}`);
    known.set(tree.hash, await buildService(client, parent, tree, around));
  }
}

async function buildService(
  client: Client,
  parent: string,
  { candidates }: SourceOfService,
  { reporter, signal }: BuildAround,
): Promise<string> {
  let failure: unknown;
  for (const tree of candidates) {
    try {
      const mayFallBack = tree !== candidates.at(-1);
      const sent = { parent, commit: '', tar: tarOf(tree), forApply: true, mayFallBack };
      return (await buildTree(client, sent, reporter, signal)).image;
    } catch (error) {
      // Where no registry answers, what comes next may do without.
      if (!(error instanceof PreconditionError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

function serviceKey({ formation }: WithImages, name: string, hash: string): string {
  return `${formation} ${name} ${hash}`;
}

function hashOf(candidates: readonly AuxiliaryTree[]): string {
  const hash = createHash('sha256');
  for (const { files } of candidates) {
    for (const [path, text] of files) hash.update(`${path}\0${text}\0`);
    hash.update('\0');
  }
  return hash.digest('hex');
}

/** The same bytes every time, so that the engine knows its layers again. */
function tarOf({ files }: AuxiliaryTree): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const [name, text] of files) {
    tar.entry({ name, mode: text.startsWith('#!') ? 0o755 : 0o644, mtime: new Date(0) }, text);
  }
  tar.finalize();
  return tar as AsyncIterable<Uint8Array>;
}
