import { isDeepStrictEqual } from 'node:util';
import { InvalidError } from '../../base/errors';
import { RouteSpec } from '../../gen/gilliam/v1/route';
import type { Route } from '../../resource/objects';
import { Violations } from '../../resource/violations';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import { prepareRoute } from '../prepare-route';
import type { RouteEdit } from '../route-store';
import { appliedLabel } from './applied-label';
import type { FormationState } from './state';
import type { Wish } from './wish';

/** What has to be done to the formation's routes. Throws InvalidError with all that is wrong with them. */
export async function routeEdits(
  context: Pick<ApiContext, 'clock' | 'random'>,
  state: FormationState,
  { name: formation, desired, prune }: Wish,
): Promise<readonly RouteEdit[]> {
  const found = new Violations();
  const edits: RouteEdit[] = [];
  const byName = new Map(state.routes.map((route) => [route.metadata.name, route]));
  for (const [index, { metadata, spec = RouteSpec.fromPartial({}) }] of desired.routes.entries()) {
    const name = metadata?.name ?? '';
    const before = byName.get(name);
    byName.delete(name);
    if (before && isDeepStrictEqual(before.spec, spec)) continue;
    const asked: Route = before
      ? { metadata: { ...before.metadata, generation: before.metadata.generation + 1n }, spec }
      : { metadata: newMetadata(context, { formation, name }, { [appliedLabel]: 'true' }), spec };
    try {
      const after = await prepareRoute(context, asked, before);
      if (!before || !isDeepStrictEqual(before.spec, after.route.spec)) edits.push({ before, after });
    } catch (error) {
      if (!(error instanceof InvalidError)) throw error;
      addAll(error, name, `desired.routes[${index}]`, found);
    }
  }
  found.throwIfAny();
  const gone = prune ? [...byName.values()].filter(wasApplied) : [];
  return [...edits, ...gone.map((before) => ({ before }))];
}

export function wasApplied({ metadata }: Pick<Route, 'metadata'>): boolean {
  return Object.hasOwn(metadata.labels, appliedLabel);
}

function addAll(error: InvalidError, name: string, at: string, found: Violations): void {
  const { violations, message } = error;
  if (violations.length === 0) found.add(at, `route ${name}: ${message}`);
  for (const { field, description } of violations) {
    found.add(field.replace(/^route(?=\.|$)/, at), `route ${name}: ${description}`);
  }
}
