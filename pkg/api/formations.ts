import { isDeepStrictEqual } from 'node:util';
import { ExistsError, PreconditionError } from '../base/errors';
import { FormationSpec, FormationStatus } from '../gen/gilliam/v1/formation';
import type { FormationServiceService, UpdateFormationRequest } from '../gen/gilliam/v1/formation_service';
import { checkLabel, parseName, quote } from '../resource/names';
import {
  formations,
  releases,
  volumes,
  type Formation,
  type StoredObject,
  type Volume,
} from '../resource/objects';
import { releaseName } from '../resource/release-name';
import { validateFormation } from '../resource/validate-formation';
import { checkFormationSpec } from '../resource/validate-formation-spec';
import { Violations } from '../resource/violations';
import type { Write } from '../store/store';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { updatedSpec } from './formation-update';
import { requireShares } from './import-check';
import { newMetadata, requireFormation, requireLivingFormation, unknownFormation } from './objects';
import { listPage, readPage } from './paging';
import { checkRevision, retryConflicts } from './retry';

/** Of a formation that is deleted none is kept: those beyond this number follow it by themselves. */
const maxVolumesAtOnce = 50;
const maxVolumesNamed = 10;

export function formationHandlers(context: ApiContext): Handlers<FormationServiceService> {
  const { store, events } = context;

  async function create(asked: Formation, validateOnly: boolean, call: CallContext): Promise<Formation> {
    const { name } = asked.metadata;
    const existing = await store.get(formations, { formation: '', name }, call.signal);
    if (existing) throw exists(existing);
    if (validateOnly) return asked;
    try {
      const revision = await store.commit(
        [{ op: 'create', kind: formations, object: asked }],
        [],
        call.signal,
      );
      return { ...asked, metadata: { ...asked.metadata, revision } };
    } catch (error) {
      throw error instanceof ExistsError ? exists(asked) : error;
    }
  }

  async function update(
    name: string,
    { formation: asked, updateMask, validateOnly }: UpdateFormationRequest,
    call: CallContext,
  ): Promise<{ readonly formation: Formation; readonly fields: readonly string[] }> {
    const before = await requireLivingFormation(context, name, call.signal);
    checkRevision(`formation ${quote(name)}`, asked?.metadata?.revision, before.metadata.revision);
    const spec = updatedSpec(before.spec, asked?.spec ?? FormationSpec.fromPartial({}), updateMask);
    const found = new Violations();
    const services = await servicesOf(before, call.signal);
    checkFormationSpec(spec, { formation: name, services, field: 'formation.spec', found });
    found.throwIfAny();
    await requireShares(context, { name, before: before.spec, after: spec }, call.signal);
    if (isDeepStrictEqual(FormationSpec.toJSON(spec), FormationSpec.toJSON(before.spec))) {
      return { formation: before, fields: [] };
    }
    const generation = before.metadata.generation + 1n;
    const object = { ...before, spec, metadata: { ...before.metadata, generation } };
    const fields = updateMask ?? [];
    if (validateOnly) return { formation: object, fields };
    const revision = await store.commit([{ op: 'update', kind: formations, object }], [], call.signal);
    return { formation: { ...object, metadata: { ...object.metadata, revision } }, fields };
  }

  /** Of the newest release; undefined before the first. */
  async function servicesOf({ metadata, status }: Formation, signal: AbortSignal) {
    if (status.lastRelease === 0) return undefined;
    const key = { formation: metadata.name, name: releaseName(status.lastRelease) };
    const newest = await store.get(releases, key, signal);
    return newest && Object.keys(newest.spec.processes);
  }

  /** Volumes are asked to be deleted with their formation, in its transaction as far as they fit there. */
  async function deletion(
    before: Formation,
    deleteVolumes: boolean,
    deleted: Date,
    signal: AbortSignal,
  ): Promise<readonly Write[]> {
    const { name } = before.metadata;
    const { items } = await store.list(volumes, { formation: name }, signal);
    const kept = items.filter(({ metadata }) => !metadata.deleted);
    if (kept.length > 0 && !deleteVolumes) throw keepsVolumes(name, kept);
    return [
      { op: 'update', kind: formations, object: markDeleted(before, deleted) },
      ...kept
        .slice(0, maxVolumesAtOnce)
        .map((volume) => ({ op: 'update', kind: volumes, object: markDeleted(volume, deleted) }) as const),
    ];
  }

  return {
    async createFormation(request, call) {
      const given = request.formation ?? {};
      validateFormation(given);
      const name = given.metadata?.name ?? '';
      const formation = await create(
        {
          metadata: newMetadata(context, { name }, given.metadata?.labels),
          spec: given.spec ?? FormationSpec.fromPartial({}),
          status: FormationStatus.fromPartial({}),
        },
        request.validateOnly,
        call,
      );
      if (!request.validateOnly) {
        events.record({
          ...about(formation),
          reason: 'Created',
          message: `formation ${name} was created${by(call)}`,
        });
      }
      return { formation };
    },

    async updateFormation(request, call) {
      const name = request.formation?.metadata?.name ?? '';
      checkLabel('formation name', name, 'formation.metadata.name');
      const changed = await retryConflicts(context, () => update(name, request, call), call.signal);
      const { formation, fields } = changed;
      if (fields.length > 0 && !request.validateOnly) {
        const message = `formation ${name} was changed${by(call)}: ${fields.join(', ')}`;
        events.record({ ...about(formation), reason: 'Updated', message });
      }
      return { formation };
    },

    async getFormation(request, call) {
      const { name } = parseName(formations, request.name);
      checkLabel('formation name', name, 'name');
      return { formation: await requireFormation(context, name, call.signal) };
    },

    async listFormations(request, call) {
      const page = readPage(request, 'formations');
      const { items, ...rest } = await listPage(store, { kind: formations }, page, call.signal);
      return { formations: [...items], ...rest };
    },

    async deleteFormation(request, call) {
      const { name } = parseName(formations, request.name);
      checkLabel('formation name', name, 'name');
      const formation = await retryConflicts(
        context,
        async () => {
          const before = await store.get(formations, { formation: '', name }, call.signal);
          if (!before) throw unknownFormation(context, name, 'gilliam ps -A shows what runs');
          if (before.metadata.deleted) return before;
          const deleted = new Date(context.clock.now());
          const object = markDeleted(before, deleted);
          const writes = await deletion(before, request.deleteVolumes, deleted, call.signal);
          if (request.validateOnly) return object;
          const revision = await store.commit(writes, [], call.signal);
          events.record({
            ...about(before),
            reason: 'Deleted',
            message: `deletion of formation ${name} was asked for${by(call)}`,
          });
          return { ...object, metadata: { ...object.metadata, revision } };
        },
        call.signal,
      );
      return { formation };
    },
  };
}

function markDeleted<T extends StoredObject>(object: T, deleted: Date): T {
  return { ...object, metadata: { ...object.metadata, deleted } };
}

function keepsVolumes(name: string, kept: readonly Volume[]): PreconditionError {
  const shown = kept
    .slice(0, maxVolumesNamed)
    .map(({ metadata, spec }) => `${metadata.name} on ${spec.executor}`);
  const more = kept.length > shown.length ? ` and ${kept.length - shown.length} more` : '';
  return new PreconditionError(
    `formation ${quote(name)} has data in ${shown.join(', ')}${more}: give --delete-volumes to delete that too, or gilliam volumes delete first`,
  );
}

function exists({ metadata }: Formation): ExistsError {
  const name = quote(metadata.name);
  return new ExistsError(
    metadata.deleted
      ? `formation ${name} is being deleted: wait until it is gone, or choose another name`
      : `formation ${name} exists already: choose another name, or use it with --formation ${metadata.name}`,
  );
}

function about({ metadata }: Formation) {
  return { formation: metadata.name, kind: formations.name, name: metadata.name, uid: metadata.uid };
}
