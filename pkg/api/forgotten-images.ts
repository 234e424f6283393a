import { sleep } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Formation } from '../gen/gilliam/v1/formation';
import type { StageImages } from '../images/stage-images';
import { formations, releases, type Release } from '../resource/objects';
import type { ApiContext } from './api-context';

/** Between two looks. What is built is released within it, or was not meant to be. */
const everyMs = 60 * 60_000;

/** Removes from the stage's image registry what no release names any more, for as long as the signal lets it. */
export async function forgetImages(
  context: ApiContext,
  images: StageImages,
  signal: AbortSignal,
): Promise<void> {
  const { caches, clock, log } = context;
  let candidates: ReadonlySet<string> = new Set();
  while (!signal.aborted) {
    try {
      await sleep(clock, everyMs, signal);
      const there = await images.repository.list(signal);
      await caches.synced(signal);
      const named = namedImages(caches.of(releases).list(), caches.of(formations).list());
      const unnamed = there.filter((image) => !named.has(image));
      // Twice in a row: one that is new may not be released yet.
      for (const image of unnamed.filter((each) => candidates.has(each))) {
        await images.repository.remove(image, signal);
        log.info('image forgotten', { image });
      }
      candidates = new Set(unnamed);
    } catch (error) {
      if (!signal.aborted) log.info('no look at forgotten images', { error: messageOf(error) });
    }
  }
}

/** All that may be run: by releases, and by what applies have built for one that comes. */
export function namedImages(
  all: readonly Pick<Release, 'spec'>[],
  builders: readonly { readonly status: Pick<Formation['status'] & object, 'built'> }[],
): ReadonlySet<string> {
  const named = new Set<string>();
  for (const { spec } of all) {
    named.add(spec.image);
    for (const { image } of Object.values(spec.processes)) named.add(image);
  }
  for (const { status } of builders) if (status.built) named.add(status.built.image);
  return named;
}
