import { ExistsError, NotFoundError, PreconditionError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import {
  type ApplyFormationRequest,
  type ApplyFormationResponse,
  PlannedChange_Action,
} from '../../../pkg/gen/gilliam/v1/apply_service';
import type { ImportImageRequest } from '../../../pkg/gen/gilliam/v1/bundle_service';
import type { ReleaseSpec } from '../../../pkg/gen/gilliam/v1/release';
import { type Bundle, type BundledImage, imagesOf } from './bundle';
import { readEntry } from './read-bundle';
import { findImage } from './write-bundle';

export interface LaunchRequest {
  /** Of the new formation. */
  readonly name: string;
  readonly bundle: Bundle;
  readonly path: string;
  readonly factors: ReadonlyMap<string, number>;
  readonly planOnly: boolean;
  /** Told of each image before it is sent. */
  onImage(image: BundledImage): void;
}

export interface Launched extends ApplyFormationResponse {
  /** Those that the stage did not have. */
  readonly sent: readonly BundledImage[];
}

const maxChunkBytes = 2 ** 20;

/**
 * Makes a formation of a bundle, in one step, after its images are there. Throws ExistsError for a name that is taken,
 * PreconditionError where an image is neither in the bundle nor on the stage.
 */
export async function launch(client: Client, request: LaunchRequest, signal: AbortSignal): Promise<Launched> {
  const { name, bundle, path, planOnly } = request;
  const none = Object.fromEntries(Object.keys(bundle.spec.processes).map((process) => [process, 0]));
  const wish: Pick<ApplyFormationRequest, 'name' | 'desired'> = {
    name: `formations/${name}`,
    desired: {
      release: localSpec(bundle),
      factors: { ...none, ...Object.fromEntries(request.factors) },
      formation: undefined,
      routes: [],
      cronJobs: [],
      rollout: undefined,
    },
  };
  const plan = await client.apply.applyFormation({ ...wish, validateOnly: true }, { signal });
  const isNew = plan.changes.some(
    ({ action, object, field }) =>
      action === PlannedChange_Action.CREATE && object === `formation ${name}` && field === '',
  );
  if (!isNew) {
    throw new ExistsError(`formation ${name} exists already: launch makes a new one, choose another name`);
  }
  const missing = await missingImages(client, bundle, signal);
  if (planOnly) return { ...plan, sent: missing };
  for (const image of missing) {
    request.onImage(image);
    await client.bundles.importImage(messages(path, image, signal), { signal });
  }
  const made = await client.apply.applyFormation({ ...wish, expectedPlan: plan.plan }, { signal });
  return { ...made, sent: missing };
}

/** The release with its images by their own digests where they come along: no registry is asked for those. */
function localSpec({ spec, images }: Bundle): ReleaseSpec {
  const ids = new Map(images.map(({ image, id }) => [image, id]));
  const local = (image: string) => ids.get(image) ?? image;
  const processes = Object.fromEntries(
    Object.entries(spec.processes).map(([name, process]) => [
      name,
      { ...process, image: local(process.image) },
    ]),
  );
  return { ...spec, image: local(spec.image), processes };
}

/** Those of the bundle that the stage does not have. */
async function missingImages(client: Client, bundle: Bundle, signal: AbortSignal): Promise<BundledImage[]> {
  const missing: BundledImage[] = [];
  for (const image of imagesOf(bundle.spec)) {
    const bundled = bundle.images.find((each) => each.image === image);
    // What is in a registry is fetched from there.
    if (!bundled && !image.startsWith('sha256:')) continue;
    const there = await findImage(client, bundled?.id ?? image, signal).catch((error: unknown) => {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    });
    if (there !== undefined) continue;
    if (!bundled) {
      throw new PreconditionError(
        `image ${image.slice(0, 19)} of the bundle is not on this stage: export it with gilliam release export ${bundle.release} --with-images`,
      );
    }
    missing.push(bundled);
  }
  return missing;
}

async function* messages(
  path: string,
  { id, file }: BundledImage,
  signal: AbortSignal,
): AsyncGenerator<ImportImageRequest> {
  yield { part: { $case: 'image', value: id } };
  for await (const bytes of readEntry(path, file, signal)) {
    for (let at = 0; at < bytes.length; at += maxChunkBytes) {
      yield { part: { $case: 'chunk', value: Buffer.from(bytes.subarray(at, at + maxChunkBytes)) } };
    }
  }
}
