import { PreconditionError } from '../base/errors';
import type { FormationSpec } from '../gen/gilliam/v1/formation';
import { isAuxiliary } from '../resource/auxiliary';
import { entryOf } from '../resource/entries';
import { quote } from '../resource/names';
import { formations, type Formation } from '../resource/objects';
import { serviceRef } from '../resource/service-ref';
import { EVERYBODY } from '../resource/validate-formation-spec';
import type { ApiContext } from './api-context';

/** Whether the formation lets the other one use its auxiliary service. */
export function isShared({ spec }: Formation, service: string, other: string): boolean {
  const names = entryOf(spec.shares, service)?.with ?? [];
  return names.includes(EVERYBODY) || names.includes(other);
}

/**
 * Throws PreconditionError where the formation imports an auxiliary service that is not shared with it: it would find a
 * name that leads nowhere. What it imported before is not looked at again.
 */
export async function requireShares(
  { store }: Pick<ApiContext, 'store'>,
  importer: { readonly name: string; readonly before: FormationSpec; readonly after: FormationSpec },
  signal: AbortSignal,
): Promise<void> {
  for (const [local, target] of Object.entries(importer.after.imports)) {
    if (entryOf(importer.before.imports, local) === target) continue;
    const { service, formation } = serviceRef(target) ?? {};
    if (service === undefined || formation === undefined || !isAuxiliary(service)) continue;
    const owner = await store.get(formations, { formation: '', name: formation }, signal);
    if (owner && isShared(owner, service, importer.name)) continue;
    throw new PreconditionError(
      owner
        ? `${local} cannot stand for ${target}: ${formation} does not share ${service} with ${importer.name}: gilliam share ${service} --with ${importer.name} --formation ${formation}`
        : `${local} cannot stand for ${target}: formation ${quote(formation)} does not exist, and so shares nothing: apply it first, with gilliam share ${service} --with ${importer.name}`,
    );
  }
}
