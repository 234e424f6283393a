import { NotFoundError, PreconditionError } from '../base/errors';
import type { RollbackRequest, RollbackResponse } from '../gen/gilliam/v1/rollout_service';
import { together } from '../resource/auxiliary';
import { currentRelease, hasFactors } from '../resource/current-release';
import { entryOf } from '../resource/entries';
import { parseParent, quote } from '../resource/names';
import { newRollout } from '../resource/new-rollout';
import { formations, releases, rollouts, routes, scales } from '../resource/objects';
import type { Formation, Release, Rollout, Route, Scale } from '../resource/objects';
import { previousRelease } from '../resource/previous-release';
import { compareReleaseNames, parseReleaseName, releaseName } from '../resource/release-name';
import { concerns, isUnderWay, ROLLOUT } from '../resource/rollout';
import { suggestion } from '../resource/suggest';
import type { Write } from '../store/store';
import type { ApiContext } from './api-context';
import { appliedLabels } from './apply/applied-label';
import { by, type CallContext } from './call';
import { checkSize } from './check-size';
import { newMetadata, requireLivingFormation } from './objects';
import { restoredRoutes } from './restored-routes';
import type { RouteStore } from './route-store';

/** All of a formation that a rollback is about, as it is now. */
interface State {
  readonly formation: Formation;
  readonly releases: readonly Release[];
  readonly scales: readonly Scale[];
  readonly routes: readonly Route[];
  readonly rollout: Rollout | undefined;
}

/** One transaction: the release, the routes of its time, and the rollout to it. Throws ConflictError where others were faster. */
export async function rollback(
  context: ApiContext,
  routeStore: RouteStore,
  request: RollbackRequest,
  call: CallContext,
): Promise<RollbackResponse> {
  const { store, events, random, clock } = context;
  const { signal } = call;
  const state = await stateOf(context, parseParent(request.parent), signal);
  const { formation } = state;
  const as = chosen(state, request.release);
  const retired = state.scales.find(({ metadata }) => metadata.name === as.metadata.name)?.spec.retired;
  const restored = await restoredRoutes(
    context,
    routeStore,
    { formation, retired, now: state.routes },
    signal,
  );

  const lastRelease = formation.status.lastRelease + 1;
  const key = { formation: formation.metadata.name, name: releaseName(lastRelease) };
  const message = `rollback to ${as.metadata.name}`;
  const release: Release = {
    metadata: newMetadata(context, key, appliedLabels(as)),
    spec: { ...as.spec, message, author: call.user },
  };
  const left = restored.leftOut.map((name) => `; route ${name} is left out, since it is another's now`);
  const made = newRollout({
    asked: {
      // What only the old release had comes back as it was; of all else there is as much as now.
      factors: {
        ...factorsBefore(state, as),
        ...Object.fromEntries(
          Object.entries(retired?.factors ?? {}).filter(([process]) => isGone(state, as, process)),
        ),
      },
      ...{ allowMissing: true, immediate: true, author: call.user, message: `${message}${left.join('')}` },
    },
    // Nothing of a release that is made only now can have been restarted.
    ...{ to: release, scales: state.scales, routes: state.routes, before: state.rollout, instances: [] },
    ...{ uid: random.uuid(), now: new Date(clock.now()) },
  });
  const answer = { rollout: made.rollout, as: as.metadata.name, routes: [...restored.names] };
  const part = await routeStore.part(restored.edits, signal);
  const raised: Formation = { ...formation, status: { ...formation.status, lastRelease } };
  const writes: Write[] = [
    { op: 'create', kind: releases, object: release },
    { op: 'update', kind: formations, object: raised },
    { op: state.rollout ? 'update' : 'create', kind: rollouts, object: made.rollout },
    ...made.scales.map((object): Write => ({ op: 'update', kind: scales, object })),
    ...part.writes,
  ];
  checkSize(
    { writes, guards: part.guards },
    message,
    `gilliam migrate ${as.metadata.name} leaves routes as they are`,
  );
  if (request.validateOnly) return answer;
  const revision = await store.commit(writes, part.guards, signal);
  events.record({
    ...key,
    kind: releases.name,
    uid: release.metadata.uid,
    reason: 'RolledBack',
    message: `${key.name} is as ${as.metadata.name} was, and takes over at once${by(call)}${left.join('')}`,
    warning: left.length > 0,
  });
  const metadata = { ...made.rollout.metadata, revision };
  return { ...answer, rollout: { ...made.rollout, metadata } };
}

async function stateOf(context: ApiContext, name: string, signal: AbortSignal): Promise<State> {
  const { store } = context;
  const formation = await requireLivingFormation(context, name, signal);
  const [all, factors, table, rollout] = await Promise.all([
    store.list(releases, { formation: name }, signal),
    store.list(scales, { formation: name }, signal),
    store.list(routes, { formation: name }, signal),
    store.get(rollouts, { formation: name, name: ROLLOUT }, signal),
  ]);
  return { formation, releases: all.items, scales: factors.items, routes: table.items, rollout };
}

/** The release that is meant. */
function chosen(state: State, name: string): Release {
  const { formation, scales: all } = state;
  const current = currentRelease(state.releases, all);
  if (!all.some(hasFactors)) {
    throw new PreconditionError(
      `nothing of ${quote(formation.metadata.name)} runs that could be rolled back: gilliam scale ${name || 'v1'} web=1`,
    );
  }
  if (name !== '') parseReleaseName(name, 'release');
  // Asked for twice: what the first one leaves is not what is wanted.
  else if (state.rollout?.spec.immediate && isUnderWay(state.rollout)) {
    throw new PreconditionError(
      `a rollback to ${state.rollout.spec.to} is under way: wait for it, or name the release to go to`,
    );
  }
  const wanted = name === '' ? previous(state, current) : name;
  const found = state.releases.find(({ metadata }) => metadata.name === wanted);
  if (!found) {
    const known = state.releases.map(({ metadata }) => metadata.name);
    throw new NotFoundError(
      wanted === undefined
        ? `there is no release before ${current?.metadata.name ?? 'the first'} that ran: gilliam releases`
        : `${quote(formation.metadata.name)} has no release ${wanted}: ${suggestion(wanted, known)}`,
    );
  }
  const processes = Object.values(found.spec.processes);
  // Auxiliary services have images of their own: a formation may be made of nothing else.
  if (found.spec.image === '' && (processes.length === 0 || processes.some(({ image }) => image === ''))) {
    throw new PreconditionError(`${wanted} has no image: gilliam releases shows those that have`);
  }
  const moving = state.rollout !== undefined && isUnderWay(state.rollout);
  if (found === current && !moving && all.filter(hasFactors).length === 1) {
    throw new PreconditionError(`${wanted} is what runs: name another release, gilliam releases lists them`);
  }
  return found;
}

/** What ran before, or, where nothing is known to have given way, the release of the number before. */
function previous({ rollout, scales: all, releases: known }: State, current: Release | undefined) {
  const name = current?.metadata.name ?? '';
  const older = known
    .filter(({ metadata, spec }) => spec.image !== '' && compareReleaseNames(metadata.name, name) < 0)
    .sort((a, b) => compareReleaseNames(b.metadata.name, a.metadata.name));
  return previousRelease(all, rollout, name) ?? older[0]?.metadata.name;
}

/**
 * What there was of each of the old release's processes before the rollout that is under way, if one is: now there is a
 * surge of some. Of one that is a rollback itself what it goes to, as it may have begun amid another one.
 */
function factorsBefore({ rollout, scales: all }: State, as: Release): Record<string, number> {
  if (!rollout || !isUnderWay(rollout)) return {};
  const { spec, status } = rollout;
  const others = all.filter(({ metadata }) => !concerns(rollout, metadata.name)).map((scale) => scale.spec);
  const before = [...others, ...(spec.immediate ? [spec] : Object.values(status.original))];
  const count = (process: string) =>
    together(
      process,
      before.map(({ factors }) => entryOf(factors, process) ?? 0),
    );
  return Object.fromEntries(Object.keys(as.spec.processes).map((process) => [process, count(process)]));
}

/** Whether the process is the old release's, and nothing of it runs now. */
function isGone({ scales: all }: State, as: Release, process: string): boolean {
  return (
    entryOf(as.spec.processes, process) !== undefined &&
    all.every(({ spec }) => (entryOf(spec.factors, process) ?? 0) === 0)
  );
}
