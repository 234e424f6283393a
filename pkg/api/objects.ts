import { NotFoundError, PreconditionError } from '../base/errors';
import type { Metadata } from '../gen/gilliam/v1/metadata';
import { quote } from '../resource/names';
import { formations, type Formation } from '../resource/objects';
import { nearest } from '../resource/suggest';
import type { ApiContext } from './api-context';

/** The metadata of an object that is made now. */
export function newMetadata(
  { clock, random }: Pick<ApiContext, 'clock' | 'random'>,
  key: { readonly formation?: string; readonly name: string },
  labels: Readonly<Record<string, string>> = {},
): Metadata {
  return {
    name: key.name,
    formation: key.formation ?? '',
    uid: random.uuid(),
    generation: 1n,
    revision: 0n,
    labels: { ...labels },
    created: new Date(clock.now()),
  };
}

/** The formation as it is now. Throws NotFoundError with what was probably meant. */
export async function requireFormation(
  context: Pick<ApiContext, 'store' | 'caches'>,
  name: string,
  signal: AbortSignal,
): Promise<Formation> {
  const found = await context.store.get(formations, { formation: '', name }, signal);
  if (found) return found;
  throw unknownFormation(context, name, `gilliam create ${name}`);
}

/** `advice`: what to do where no other name was probably meant. */
export function unknownFormation(
  { caches }: Pick<ApiContext, 'caches'>,
  name: string,
  advice: string,
): NotFoundError {
  const known = caches.of(formations).list();
  const near = nearest(
    name,
    known.map(({ metadata }) => metadata.name),
  );
  return new NotFoundError(
    `formation ${quote(name)} does not exist: ${near ? `did you mean ${quote(near)}?` : advice}`,
  );
}

/** As requireFormation, for changes: throws PreconditionError when it is being deleted. */
export async function requireLivingFormation(
  context: Pick<ApiContext, 'store' | 'caches'>,
  name: string,
  signal: AbortSignal,
): Promise<Formation> {
  const formation = await requireFormation(context, name, signal);
  if (formation.metadata.deleted) {
    throw new PreconditionError(
      `formation ${quote(name)} is being deleted: wait until it is gone, then create it again`,
    );
  }
  return formation;
}
