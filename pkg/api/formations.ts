import { ExistsError, InternalError } from '../base/errors';
import { FormationSpec, FormationStatus } from '../gen/gilliam/v1/formation';
import type { FormationServiceService } from '../gen/gilliam/v1/formation_service';
import { checkLabel, parseName, quote } from '../resource/names';
import { formations, type Formation } from '../resource/objects';
import { validateFormation } from '../resource/validate-formation';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { newMetadata, requireFormation } from './objects';
import { listPage, readPage } from './paging';
import { retryConflicts } from './retry';

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

    async updateFormation() {
      throw new InternalError('formations cannot be changed yet');
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
          const before = await requireFormation(context, name, call.signal);
          if (before.metadata.deleted) return before;
          const deleted = new Date(context.clock.now());
          const object = { ...before, metadata: { ...before.metadata, deleted } };
          if (request.validateOnly) return object;
          const revision = await store.commit([{ op: 'update', kind: formations, object }], [], call.signal);
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
