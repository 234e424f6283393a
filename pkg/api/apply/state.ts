import {
  cronJobs,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  type CronJob,
  type Formation,
  type Instance,
  type Release,
  type Rollout,
  type Route,
  type Scale,
} from '../../resource/objects';
import { releaseName } from '../../resource/release-name';
import { ROLLOUT } from '../../resource/rollout';
import type { ApiContext } from '../api-context';
import { requireLivingFormation } from '../objects';

/** A formation as it is: what a plan is made on. What is written is guarded by the revisions that are in it. */
export interface FormationState {
  readonly name: string;
  /** Absent where it is to be made. */
  readonly formation?: Formation;
  /** Absent before the first. */
  readonly newest?: Release;
  /** Those that this control plane has seen, `newest` among them. */
  readonly releases: readonly Release[];
  readonly scales: readonly Scale[];
  readonly routes: readonly Route[];
  readonly cronJobs: readonly CronJob[];
  readonly rollout?: Rollout;
  /** Those that this control plane has seen: to be shown, not to be decided on. */
  readonly instances: readonly Instance[];
}

/** Throws PreconditionError for a formation that is being deleted. */
export async function readState(
  context: Pick<ApiContext, 'store' | 'caches'>,
  name: string,
  signal: AbortSignal,
): Promise<FormationState> {
  const { store, caches } = context;
  const scope = { formation: name };
  const found = await store.get(formations, { formation: '', name }, signal);
  if (!found) {
    // What is left of one that is gone has no part in it: the garbage controller is at it.
    return { name, releases: [], scales: [], routes: [], cronJobs: [], instances: [] };
  }
  const formation = found.metadata.deleted ? await requireLivingFormation(context, name, signal) : found;
  const { lastRelease } = formation.status;
  // A release that was just made by another control plane is seen, too: the secret of a service is looked for in all.
  await caches.reached(formation.metadata.revision, signal);
  const [newest, someScales, someRoutes, jobs, rollout] = await Promise.all([
    lastRelease === 0
      ? undefined
      : store.get(releases, { formation: name, name: releaseName(lastRelease) }, signal),
    store.list(scales, scope, signal),
    store.list(routes, scope, signal),
    store.list(cronJobs, scope, signal),
    store.get(rollouts, { formation: name, name: ROLLOUT }, signal),
  ]);
  const known = caches.of(releases).list(name);
  const seen = known.some(({ metadata }) => metadata.name === newest?.metadata.name);
  return {
    name,
    formation,
    newest,
    releases: newest && !seen ? [...known, newest] : known,
    scales: someScales.items,
    routes: someRoutes.items,
    cronJobs: jobs.items,
    rollout,
    instances: caches.of(instances).list(name),
  };
}
