import { InvalidError } from '../base/errors';
import type { Route as RouteMessage } from '../gen/gilliam/v1/route';
import { RouteSpec } from '../gen/gilliam/v1/route';
import type { Retired } from '../gen/gilliam/v1/scale';
import type { Formation, Route } from '../resource/objects';
import type { ApiContext } from './api-context';
import { newMetadata } from './objects';
import { prepareRoute } from './prepare-route';
import { Refused, type RouteEdit, type RouteStore } from './route-store';

/** What makes a formation's routes those of another time. */
export interface RestoredRoutes {
  readonly edits: readonly RouteEdit[];
  /** Names of routes that are put back, changed back or removed. */
  readonly names: readonly string[];
  /** Those that cannot be put back: what they match has gone to another formation, or is not understood any more. */
  readonly leftOut: readonly string[];
}

const none: RestoredRoutes = { edits: [], names: [], leftOut: [] };

/** Nothing where it is not known what there was. */
export async function restoredRoutes(
  context: ApiContext,
  routes: RouteStore,
  of: {
    readonly formation: Formation;
    readonly retired: Retired | undefined;
    readonly now: readonly Route[];
  },
  signal: AbortSignal,
): Promise<RestoredRoutes> {
  const { formation, retired, now } = of;
  if (!retired || retired.routesLeftOut) return none;
  const edits: RouteEdit[] = [];
  const leftOut: string[] = [];
  for (const route of retired.routes) {
    const name = route.metadata?.name ?? '';
    const before = now.find(({ metadata }) => metadata.name === name);
    const edit = await restored(context, formation, route, before);
    if (edit === 'impossible') leftOut.push(name);
    else if (edit) edits.push(edit);
  }
  const kept = new Set(retired.routes.map(({ metadata }) => metadata?.name));
  for (const before of now) if (!kept.has(before.metadata.name)) edits.push({ before });
  const possible = await withoutRivals(routes, edits, signal);
  return {
    edits: possible,
    names: possible.map(nameOf).sort(),
    leftOut: [...leftOut, ...edits.filter((edit) => !possible.includes(edit)).map(nameOf)].sort(),
  };
}

/** Undefined where it is so already. */
async function restored(
  context: ApiContext,
  formation: Formation,
  route: RouteMessage,
  before: Route | undefined,
): Promise<RouteEdit | 'impossible' | undefined> {
  const { name = '', labels = {} } = route.metadata ?? {};
  const metadata = before
    ? { ...before.metadata, labels, generation: before.metadata.generation + 1n }
    : newMetadata(context, { formation: formation.metadata.name, name }, labels);
  const { tls, ...spec } = route.spec ?? RouteSpec.fromPartial({});
  // A key is kept with its route only: one that has been given to the route since is the newer one.
  const own = before?.spec.tls ?? (tls?.development ? tls : undefined);
  try {
    const after = await prepareRoute(
      context,
      { metadata, spec: { ...spec, ...(own && { tls: own }) } },
      before,
    );
    return before && sameSpec(after.route.spec, before.spec) ? undefined : { before, after };
  } catch (error) {
    if (error instanceof InvalidError) return 'impossible';
    throw error;
  }
}

/** A rollback is not to fail for a route that somebody else has taken meanwhile. */
async function withoutRivals(
  routes: RouteStore,
  edits: readonly RouteEdit[],
  signal: AbortSignal,
): Promise<readonly RouteEdit[]> {
  if (await isFree(routes, edits, signal)) return edits;
  const kept: RouteEdit[] = edits.filter(({ after }) => !after);
  for (const edit of edits.filter(({ after }) => after)) {
    if (await isFree(routes, [...kept, edit], signal)) kept.push(edit);
  }
  return kept;
}

async function isFree(
  routes: RouteStore,
  edits: readonly RouteEdit[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await routes.check(edits, signal);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

/** Absent and empty fields alike, as they come from the store. */
function sameSpec(one: RouteSpec, other: RouteSpec): boolean {
  return Buffer.from(RouteSpec.encode(one).finish()).equals(RouteSpec.encode(other).finish());
}

function nameOf({ before, after }: RouteEdit): string {
  return (after?.route ?? before)?.metadata.name ?? '';
}
