import { isDeepStrictEqual } from 'node:util';
import { InvalidError } from '../base/errors';
import { ScaleSpec, ScaleStatus } from '../gen/gilliam/v1/scale';
import type { ScaleServiceService, UpdateScaleRequest } from '../gen/gilliam/v1/scale_service';
import { hasFactors } from '../resource/current-release';
import { parseName, parseParent, WILDCARD } from '../resource/names';
import {
  formations,
  releases,
  rollouts,
  routes,
  scales,
  type Kind,
  type Release,
  type Rollout,
  type Scale,
  type StoredObject,
} from '../resource/objects';
import { compareReleaseNames, parseReleaseName } from '../resource/release-name';
import { retire } from '../resource/retire';
import { refuseScaleDuringRollout, ROLLOUT } from '../resource/rollout';
import { validateScale } from '../resource/validate-scale';
import type { Guard } from '../store/store';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { mergeEntries, readMask } from './masks';
import { newMetadata, requireFormation, requireLivingFormation } from './objects';
import { readPage, sortedPage } from './paging';
import { requireRelease } from './releases';
import { checkRevision, retryConflicts } from './retry';
import { scaledLabels } from './scaled-label';

// What a transaction takes is bounded: more scales than this have never factors at the same time.
const maxGuards = 90;

export function scaleHandlers(context: ApiContext): Handlers<ScaleServiceService> {
  const { store, events } = context;

  async function attempt(request: UpdateScaleRequest, call: CallContext): Promise<Scale> {
    const { signal } = call;
    const metadata = request.scale?.metadata;
    const { formation: formationName, name } = readTarget(request);
    const formation = await requireLivingFormation(context, formationName, signal);
    const release = await requireRelease(context, { formation: formationName, name }, signal);
    const existing = (await store.list(scales, { formation: formationName }, signal)).items;
    const before = existing.find((scale) => scale.metadata.name === release.metadata.name);
    checkRevision(
      `the scale of ${release.metadata.name}`,
      metadata?.revision,
      before?.metadata.revision ?? 0n,
    );

    const { named, factors } = mergeFactors(request, before);
    validateScale({ formation, release, scales: existing, named, factors });
    const scale = nextScale(release, before, factors);
    if (scale === before) return scale;
    const rollout = await store.get(rollouts, { formation: formationName, name: ROLLOUT }, signal);
    refuseScaleDuringRollout(rollout, release.metadata.name);
    if (request.validateOnly) return scale;
    const written =
      before && hasFactors(before) && !hasFactors(scale) ? await gone(before, scale, signal) : scale;

    const others = existing.filter((other) => other !== before && Object.keys(other.spec.factors).length > 0);
    // One that had no factors is guarded by nobody: two of them would not see each other, and exceed the limit together.
    const appears = !before || !hasFactors(before);
    const revision = await store.commit(
      [
        { op: before ? 'update' : 'create', kind: scales, object: written },
        ...(appears ? [{ op: 'update' as const, kind: formations, object: formation }] : []),
      ],
      // The sum over all releases is limited: none of the others may change meanwhile. Nor may the formation be deleted:
      // the scale would outlive it, and hold for the next one of its name.
      [
        ...(appears ? [] : [unchanged(formations, formation)]),
        rolloutGuard(formationName, rollout),
        ...others.slice(0, maxGuards).map((other) => unchanged(scales, other)),
      ],
      signal,
    );
    events.record({
      formation: formationName,
      kind: releases.name,
      name: release.metadata.name,
      uid: release.metadata.uid,
      reason: 'Scaled',
      message: `${release.metadata.name} was scaled to ${show(factors)}${by(call)}`,
    });
    return { ...written, metadata: { ...written.metadata, revision } };
  }

  /** What there was is remembered, for `rollback`. */
  async function gone(before: Scale, after: Scale, signal: AbortSignal): Promise<Scale> {
    const { items } = await store.list(routes, { formation: before.metadata.formation }, signal);
    const time = new Date(context.clock.now());
    const { retired } = retire(before, { routes: items, time, by: '' }).spec;
    return { ...after, spec: { ...after.spec, retired } };
  }

  function nextScale(release: Release, before: Scale | undefined, factors: Record<string, number>): Scale {
    if (!before) {
      const { formation, name } = release.metadata;
      return {
        metadata: newMetadata(context, { formation, name }, scaledLabels(undefined, factors)),
        spec: ScaleSpec.fromPartial({ factors }),
        status: ScaleStatus.fromPartial({}),
      };
    }
    if (isDeepStrictEqual(before.spec.factors, factors)) return before;
    const generation = before.metadata.generation + 1n;
    const labels = scaledLabels(before, factors);
    // What rollouts have written stays.
    return {
      ...before,
      metadata: { ...before.metadata, generation, labels },
      spec: { ...before.spec, factors },
    };
  }

  return {
    async getScale(request, call) {
      const key = parseName(scales, request.name, { wildcards: ['name'] });
      const release = await requireRelease(context, key, call.signal);
      const { formation, name } = release.metadata;
      const found = await store.get(scales, { formation, name }, call.signal);
      // A release that was never scaled has factors too: none.
      return { scale: found ?? emptyScale(release) };
    },

    async listScales(request, call) {
      const formation = parseParent(request.parent);
      const page = readPage(request, `scales/${formation}`);
      await requireFormation(context, formation, call.signal);
      const compare = (left: Scale, right: Scale) =>
        compareReleaseNames(left.metadata.name, right.metadata.name);
      const { items, ...rest } = await sortedPage(
        store,
        { kind: scales, formation, compare },
        page,
        call.signal,
      );
      return { scales: [...items], ...rest };
    },

    async updateScale(request, call) {
      return { scale: await retryConflicts(context, () => attempt(request, call), call.signal) };
    },
  };
}

function readTarget(request: UpdateScaleRequest): { formation: string; name: string } {
  const { formation = '', name = '' } = request.scale?.metadata ?? {};
  if (name === WILDCARD)
    return { formation: parseParent(`formations/${formation}`, field('formation')), name };
  parseParent(`formations/${formation}`, field('formation'));
  parseReleaseName(name, 'scale.metadata.name');
  return { formation, name };
}

function field(name: string) {
  return { field: `scale.metadata.${name}` };
}

/** The factors that the request names, and all as they will be. A factor of 0 is the same as none, and not kept. */
function mergeFactors(
  request: UpdateScaleRequest,
  before: Scale | undefined,
): { readonly named: Record<string, number>; readonly factors: Record<string, number> } {
  const asked = request.scale?.spec?.factors ?? {};
  const mask = readMask(request.updateMask, ['factors'], ['factors']);
  if (!mask || mask.has('factors')) return { named: asked, factors: withoutZeros(asked) };
  const names = mask.entries('factors');
  const stray = Object.keys(asked).find((name) => !names.includes(name));
  if (stray !== undefined) {
    const description = `scale.spec.factors has ${stray}, and update_mask does not name factors.${stray}: add it there`;
    throw new InvalidError(description, [{ field: 'update_mask', description }]);
  }
  const named = Object.fromEntries(
    names.map((name) => [name, Object.hasOwn(asked, name) ? (asked[name] ?? 0) : 0]),
  );
  return { named, factors: withoutZeros(mergeEntries(before?.spec.factors ?? {}, named, names)) };
}

function withoutZeros(factors: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(factors).filter(([, factor]) => factor !== 0));
}

function unchanged<T extends StoredObject>(kind: Kind<T>, { metadata }: T): Guard {
  const { formation, name, revision } = metadata;
  return { guard: 'object', kind, key: { formation, name }, revision };
}

/** No rollout may begin, or take a step, meanwhile. */
function rolloutGuard(formation: string, rollout: Rollout | undefined): Guard {
  const revision = rollout?.metadata.revision ?? 0n;
  return { guard: 'object', kind: rollouts, key: { formation, name: ROLLOUT }, revision };
}

function emptyScale({ metadata }: Release): Scale {
  return {
    metadata: {
      name: metadata.name,
      formation: metadata.formation,
      uid: '',
      generation: 0n,
      revision: 0n,
      labels: {},
    },
    spec: { factors: {} },
    status: ScaleStatus.fromPartial({}),
  };
}

function show(factors: Readonly<Record<string, number>>): string {
  const entries = Object.entries(factors).sort(([left], [right]) => (left < right ? -1 : 1));
  return entries.map(([name, factor]) => `${name}=${factor}`).join(' ') || 'nothing';
}
