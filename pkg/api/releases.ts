import { InvalidError, NotFoundError } from '../base/errors';
import { ReleaseSpec } from '../gen/gilliam/v1/release';
import type { CreateReleaseRequest, ReleaseServiceService } from '../gen/gilliam/v1/release_service';
import { parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { formations, releases, type Formation, type Release } from '../resource/objects';
import { precedentOf } from '../resource/precedent';
import { compareReleaseNames, parseReleaseName, releaseName } from '../resource/release-name';
import { suggestion } from '../resource/suggest';
import { validateRelease } from '../resource/validate-release';
import { expressionChecker } from '../scheduler/expression';
import type { ApiContext } from './api-context';
import { appliedLabels } from './apply/applied-label';
import { by, type CallContext, type Handlers } from './call';
import { mergeEntries, readMask, type Mask } from './masks';
import { newMetadata, requireFormation, requireLivingFormation } from './objects';
import { readPage, sortedPage } from './paging';
import { newSecret, refuseSecrets, shownRelease, withSecrets } from './release-secrets';
import { retryConflicts } from './retry';
import { sameSoftware } from './same-software';

/** The label under which a release remembers the request that made it. */
const requestIdLabel = 'gilliam/request-id';

// The last four are taken from the request whether named or not.
const maskable = ['image', 'config', 'processes', 'message', 'author', 'commit', 'source'];

interface Outcome {
  readonly release: Release;
  readonly created: boolean;
}

export function releaseHandlers(context: ApiContext): Handlers<ReleaseServiceService> {
  const { store, caches, events } = context;

  /** All releases of the formation, at least as new as the formation is: a release is made with its formation. */
  async function releasesOf(formation: Formation, call: CallContext): Promise<readonly Release[]> {
    await caches.reached(formation.metadata.revision, call.signal);
    return caches.of(releases).list(formation.metadata.name);
  }

  async function attempt(
    request: CreateReleaseRequest,
    name: string,
    mask: Mask | undefined,
    call: CallContext,
  ) {
    const formation = await requireLivingFormation(context, name, call.signal);
    const existing = await releasesOf(formation, call);
    const repeated =
      request.requestId !== '' &&
      existing.find(({ metadata }) => metadata.labels[requestIdLabel] === request.requestId);
    if (repeated) return { release: repeated, created: true };
    const newest = newestOf(existing);
    const next = nextSpec(newest?.spec, request.spec ?? ReleaseSpec.fromPartial({}), mask);
    const spec = withSecrets(next, existing, () => newSecret(context.random));
    validateRelease(spec, expressionChecker, 'spec', precedentOf(existing));
    if (newest && sameSoftware(newest.spec, spec)) return { release: newest, created: false };
    const labels = appliedLabels(newest);
    return make(formation, { spec, labels }, request, call);
  }

  async function make(
    formation: Formation,
    { spec, labels: carried }: Pick<Release, 'spec'> & { readonly labels: Readonly<Record<string, string>> },
    request: CreateReleaseRequest,
    call: CallContext,
  ): Promise<Outcome> {
    const lastRelease = formation.status.lastRelease + 1;
    const key = { formation: formation.metadata.name, name: releaseName(lastRelease) };
    const labels = {
      ...carried,
      ...(request.requestId === '' ? {} : { [requestIdLabel]: request.requestId }),
    };
    const raised: Formation = { ...formation, status: { ...formation.status, lastRelease } };
    const release: Release = { metadata: newMetadata(context, key, labels), spec };
    if (request.validateOnly) return { release, created: true };
    // The formation's revision guards the number: of two who want it, one is refused and takes the next.
    const revision = await store.commit(
      [
        { op: 'create', kind: releases, object: release },
        { op: 'update', kind: formations, object: raised },
      ],
      [],
      call.signal,
    );
    events.record({
      ...key,
      kind: releases.name,
      uid: release.metadata.uid,
      reason: 'Created',
      message: `${key.name} was released${by(call)}${spec.message ? `: ${spec.message}` : ''}`,
    });
    return { release: { ...release, metadata: { ...release.metadata, revision } }, created: true };
  }

  return {
    async createRelease(request, call) {
      const name = parseParent(request.parent);
      checkRequestId(request.requestId);
      const mask = readMask(request.updateMask, maskable, ['config']);
      if (request.spec) refuseSecrets(request.spec);
      const made = await retryConflicts(context, () => attempt(request, name, mask, call), call.signal);
      return { ...made, release: shownRelease(made.release) };
    },

    async getRelease(request, call) {
      const key = parseName(releases, request.name, { wildcards: ['name'] });
      return { release: shownRelease(await requireRelease(context, key, call.signal)) };
    },

    async listReleases(request, call) {
      const formation = parseParent(request.parent);
      const page = readPage(request, `releases/${formation}`);
      await requireFormation(context, formation, call.signal);
      const compare = (left: Release, right: Release) =>
        compareReleaseNames(left.metadata.name, right.metadata.name);
      const { items, ...rest } = await sortedPage(
        store,
        { kind: releases, formation, compare },
        page,
        call.signal,
      );
      return { releases: items.map(shownRelease), ...rest };
    },
  };
}

/** The release as it is in the store; `-` stands for the newest. Throws NotFoundError with what there is. */
export async function requireRelease(
  context: Pick<ApiContext, 'store' | 'caches'>,
  key: { readonly formation: string; readonly name: string },
  signal: AbortSignal,
): Promise<Release> {
  const { store, caches } = context;
  if (key.name !== WILDCARD) parseReleaseName(key.name);
  const formation = await requireFormation(context, key.formation, signal);
  const { lastRelease } = formation.status;
  if (lastRelease === 0) {
    throw new NotFoundError(`${quote(key.formation)} has no release yet: gilliam deploy`);
  }
  const name = key.name === WILDCARD ? releaseName(lastRelease) : key.name;
  const found = await store.get(releases, { formation: key.formation, name }, signal);
  if (found) return found;
  const known = caches.of(releases).list(key.formation);
  throw new NotFoundError(
    `${quote(key.formation)} has no release ${name}: ${suggestion(
      name,
      known.map(({ metadata }) => metadata.name),
    )}`,
  );
}

/** What the next release is: the newest one's spec with what the request changes. */
export function nextSpec(
  newest: ReleaseSpec | undefined,
  asked: ReleaseSpec,
  mask: Mask | undefined,
): ReleaseSpec {
  const base = newest ?? ReleaseSpec.fromPartial({});
  const { message, author, commit } = asked;
  // What the image was built from, so that it goes with the image.
  const { source } = mask && !mask.has('image') ? base : asked;
  if (!mask) return asked;
  return {
    image: mask.has('image') ? asked.image : base.image,
    processes: mask.has('processes') ? asked.processes : base.processes,
    config: mask.has('config')
      ? asked.config
      : mergeEntries(base.config, asked.config, mask.entries('config')),
    message,
    author,
    commit,
    source,
  };
}

function newestOf(all: readonly Release[]): Release | undefined {
  return all.reduce<Release | undefined>(
    (newest, release) =>
      newest && compareReleaseNames(newest.metadata.name, release.metadata.name) > 0 ? newest : release,
    undefined,
  );
}

function checkRequestId(id: string): void {
  if (id === '' || /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(id)) return;
  const description = `request_id ${quote(id)} is not a UUID: make a new one for each request that is not a repetition`;
  throw new InvalidError(description, [{ field: 'request_id', description }]);
}
