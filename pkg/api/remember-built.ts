import { isDeepStrictEqual } from 'node:util';
import type { BuiltSource } from '../gen/gilliam/v1/formation';
import { formations } from '../resource/objects';
import type { ApiContext } from './api-context';
import { retryConflicts } from './retry';

/**
 * Remembers of a formation which image a source has come to. A release says it too, but there is none where another source
 * comes to the image that the newest one has: without this it would be built again by every apply.
 */
export async function rememberBuilt(
  context: ApiContext,
  name: string,
  built: BuiltSource,
  signal: AbortSignal,
): Promise<void> {
  const { store } = context;
  const attempt = async () => {
    const formation = await store.get(formations, { formation: '', name }, signal);
    // One that is made only with the apply which comes has a release soon that says it.
    if (!formation || formation.metadata.deleted || isDeepStrictEqual(formation.status.built, built)) return;
    const object = { ...formation, status: { ...formation.status, built } };
    await store.commit([{ op: 'update', kind: formations, object }], [], signal);
  };
  await retryConflicts(context, attempt, signal);
}
