import { isDeepStrictEqual } from 'node:util';
import { InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import { RolloutPhase, RolloutSpec, RolloutSpec_Intent } from '../gen/gilliam/v1/rollout';
import type { Rollout as RolloutMessage } from '../gen/gilliam/v1/rollout';
import type { CreateRolloutRequest, RolloutServiceService } from '../gen/gilliam/v1/rollout_service';
import { parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { newRollout } from '../resource/new-rollout';
import { formations, instances, releases, rollouts, routes, scales } from '../resource/objects';
import type { Rollout } from '../resource/objects';
import { isUnderWay, ROLLOUT } from '../resource/rollout';
import { rolloutSteps } from '../resource/rollout-steps';
import { validateRollout } from '../resource/validate-rollout';
import { validateScale } from '../resource/validate-scale';
import type { Guard, Write } from '../store/store';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { type Mask, readMask } from './masks';
import { requireFormation, requireLivingFormation } from './objects';
import { listPage, readPage } from './paging';
import { requireRelease } from './releases';
import { checkRevision, retryConflicts } from './retry';
import { rollback } from './rollback';
import { Refused, RouteStore } from './route-store';
import { RouteTable } from './route-table';

const maskable = ['intent', 'pace_ms', 'surge', 'wait_healthy_ms', 'progress_deadline_ms', 'gates'];

export function rolloutHandlers(context: ApiContext): Handlers<RolloutServiceService> {
  const { store, events, random, clock } = context;
  const routeStore = new RouteStore(context, new RouteTable());

  async function create(request: CreateRolloutRequest, call: CallContext): Promise<Rollout> {
    const { signal } = call;
    const name = parseParent(request.parent);
    const asked = request.spec ?? RolloutSpec.fromPartial({});
    if (asked.to === '') {
      throw new InvalidError('to is missing: name the release to move to, as in v3', [
        { field: 'spec.to', description: 'name the release to move to' },
      ]);
    }
    const formation = await requireLivingFormation(context, name, signal);
    const to = await requireRelease(context, { formation: name, name: asked.to }, signal);
    const all = (await store.list(scales, { formation: name }, signal)).items;
    const before = await store.get(rollouts, { formation: name, name: ROLLOUT }, signal);
    const made = newRollout({
      asked: { ...asked, immediate: false, author: asked.author || call.user },
      routes: (await store.list(routes, { formation: name }, signal)).items,
      instances: context.caches.of(instances).list(name),
      ...{ to, scales: all, before, uid: random.uuid(), now: new Date(clock.now()) },
    });
    const { rollout } = made;
    const staying = all.filter(({ metadata }) => !rollout.spec.from.includes(metadata.name));
    const { factors } = rollout.spec;
    if (Object.keys(asked.factors).length > 0) {
      validateScale({ formation, release: to, scales: staying, named: factors, factors });
    }
    if (request.validateOnly) return rollout;
    const own = all.find(({ metadata }) => metadata.name === to.metadata.name);
    const ownGuard: Guard = {
      ...{ guard: 'object', kind: scales },
      key: { formation: name, name: to.metadata.name },
      revision: own?.metadata.revision ?? 0n,
    };
    const revision = await store.commit(
      [
        { op: before ? 'update' : 'create', kind: rollouts, object: rollout },
        ...made.scales.map((object): Write => ({ op: 'update', kind: scales, object })),
      ],
      [
        {
          ...{ guard: 'object', kind: formations, key: { formation: '', name } },
          revision: formation.metadata.revision,
        },
        ownGuard,
      ],
      signal,
    );
    const from = rollout.spec.from.length > 0 ? ` from ${rollout.spec.from.join(' and ')}` : '';
    tell(rollout, 'RolloutBegan', `a rollout${from} to ${rollout.spec.to} began${by(call)}`);
    return { ...rollout, metadata: { ...rollout.metadata, revision } };
  }

  async function update(
    given: RolloutMessage,
    mask: Mask,
    validateOnly: boolean,
    call: CallContext,
  ): Promise<Rollout> {
    const { signal } = call;
    const formation = given.metadata?.formation ?? '';
    await requireLivingFormation(context, formation, signal);
    const before = await requireRollout(formation, signal);
    checkRevision('the rollout', given.metadata?.revision, before.metadata.revision);
    const spec = merged(before.spec, given.spec ?? RolloutSpec.fromPartial({}), mask);
    checkChange(before, spec);
    validateRollout(spec, 'rollout.spec');
    if (isDeepStrictEqual(spec, before.spec)) return before;
    const metadata = { ...before.metadata, generation: before.metadata.generation + 1n };
    const object: Rollout = { ...before, metadata, spec };
    if (validateOnly) return object;
    const revision = await store.commit([{ op: 'update', kind: rollouts, object }], [], signal);
    if (spec.intent !== before.spec.intent) {
      const promoted = spec.intent === RolloutSpec_Intent.PROMOTE;
      const what = promoted ? 'was promoted' : 'is to be taken back';
      const reason = promoted ? 'RolloutPromoted' : 'RolloutAborted';
      tell(object, reason, `the rollout to ${spec.to} ${what}${by(call)}`);
    }
    return { ...object, metadata: { ...metadata, revision } };
  }

  async function requireRollout(formation: string, signal: AbortSignal): Promise<Rollout> {
    const found = await store.get(rollouts, { formation, name: ROLLOUT }, signal);
    if (found) return found;
    await requireFormation(context, formation, signal);
    throw new NotFoundError(`${quote(formation)} has had no rollout yet: gilliam migrate begins one`);
  }

  function tell({ metadata, spec }: Rollout, reason: string, message: string): void {
    const key = { formation: metadata.formation, name: spec.to };
    const uid = context.caches.of(releases).get(key)?.metadata.uid ?? '';
    events.record({ ...key, kind: releases.name, uid, reason, message });
  }

  return {
    async createRollout(request, call) {
      const rollout = await retryConflicts(context, () => create(request, call), call.signal);
      return { rollout, steps: rolloutSteps(rollout) };
    },

    async getRollout(request, call) {
      const { formation, name } = parseName(rollouts, request.name);
      if (name !== ROLLOUT) {
        const description = `a formation has one rollout, named ${ROLLOUT}: formations/${formation}/rollouts/${ROLLOUT}`;
        throw new InvalidError(description, [{ field: 'name', description }]);
      }
      return { rollout: await requireRollout(formation, call.signal) };
    },

    async listRollouts(request, call) {
      const parent = parseParent(request.parent, { wildcard: true });
      const page = readPage(request, `rollouts/${parent}`);
      if (parent !== WILDCARD) await requireFormation(context, parent, call.signal);
      const formation = parent === WILDCARD ? undefined : parent;
      const { items, ...rest } = await listPage(store, { kind: rollouts, formation }, page, call.signal);
      return { rollouts: [...items], ...rest };
    },

    async updateRollout(request, call) {
      const given = request.rollout ?? {};
      parseParent(`formations/${given.metadata?.formation ?? ''}`, { field: 'rollout.metadata.formation' });
      const mask = readMask(request.updateMask, maskable);
      if (!mask) {
        const description = `update_mask is missing: name what changes, of ${maskable.join(', ')}`;
        throw new InvalidError(description, [{ field: 'update_mask', description }]);
      }
      const attempt = () => update(given, mask, request.validateOnly, call);
      return { rollout: await retryConflicts(context, attempt, call.signal) };
    },

    async rollback(request, call) {
      try {
        return await retryConflicts(context, () => rollback(context, routeStore, request, call), call.signal);
      } catch (error) {
        throw error instanceof Refused ? error.error : error;
      }
    },
  };
}

function merged(before: RolloutSpec, asked: RolloutSpec, mask: Mask): RolloutSpec {
  return {
    ...before,
    ...(mask.has('intent') && { intent: asked.intent }),
    ...(mask.has('pace_ms') && { paceMs: asked.paceMs }),
    ...(mask.has('surge') && { surge: asked.surge }),
    ...(mask.has('wait_healthy_ms') && { waitHealthyMs: asked.waitHealthyMs }),
    ...(mask.has('progress_deadline_ms') && { progressDeadlineMs: asked.progressDeadlineMs }),
    ...(mask.has('gates') && { gates: asked.gates }),
  };
}

/** Throws for what cannot be done to it any more. */
function checkChange({ metadata, spec: before, status }: Rollout, spec: RolloutSpec): void {
  const { PROMOTE, ABORT, PROCEED } = RolloutSpec_Intent;
  const what = `the rollout of ${quote(metadata.formation)} to ${before.to}`;
  if (!isUnderWay({ metadata, spec: before, status })) {
    const aborted = status.phase === RolloutPhase.ABORTED;
    throw new PreconditionError(
      `${what} ${aborted ? `was aborted: ${status.message}` : 'has succeeded: gilliam rollback goes back'}`,
    );
  }
  if (spec.intent === before.intent) return;
  if (spec.intent !== PROMOTE && spec.intent !== ABORT) {
    const description = `intent cannot become ${spec.intent}: promote or abort`;
    throw new InvalidError(description, [{ field: 'rollout.spec.intent', description }]);
  }
  if (before.intent === ABORT || status.phase === RolloutPhase.ABORTING) {
    if (spec.intent === ABORT) return;
    throw new PreconditionError(`${what} is being taken back: wait until it has ended, then migrate again`);
  }
  if (spec.intent === PROMOTE && before.canary === undefined && before.intent === PROCEED) {
    throw new PreconditionError(`${what} has no canary to promote: it goes on by itself`);
  }
}
