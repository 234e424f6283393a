import { InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import type { ExecutorSpec } from '../gen/gilliam/v1/executor';
import type { ExecutorServiceService, UpdateExecutorRequest } from '../gen/gilliam/v1/executor_service';
import { isFinished, shortName } from '../resource/instance';
import { checkLabel, parseName, quote } from '../resource/names';
import { executors, instances, sessions, type Executor } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { readMask } from './masks';
import { listPage, readPage } from './paging';
import { checkRevision, retryConflicts } from './retry';

export function executorHandlers(context: ApiContext): Handlers<ExecutorServiceService> {
  const { store, caches, events } = context;

  async function requireExecutor(name: string, signal: AbortSignal): Promise<Executor> {
    const found = await store.get(executors, { formation: '', name }, signal);
    if (found) return found;
    const known = caches.of(executors).list();
    throw new NotFoundError(
      `executor ${quote(name)} does not exist: ${suggestion(
        name,
        known.map(({ metadata }) => metadata.name),
      )}`,
    );
  }

  async function attempt(request: UpdateExecutorRequest, call: CallContext): Promise<Executor> {
    const name = request.executor?.metadata?.name ?? '';
    checkLabel('executor name', name, 'executor.metadata.name');
    const before = await requireExecutor(name, call.signal);
    checkRevision(`executor ${quote(name)}`, request.executor?.metadata?.revision, before.metadata.revision);
    const spec = nextSpec(before.spec, request);
    if (spec.cordoned === before.spec.cordoned && spec.draining === before.spec.draining) return before;
    const generation = before.metadata.generation + 1n;
    const object: Executor = { ...before, metadata: { ...before.metadata, generation }, spec };
    if (request.validateOnly) return object;
    const revision = await store.commit([{ op: 'update', kind: executors, object }], [], call.signal);
    const [reason, what] = changeOf(before.spec, spec);
    events.record({
      formation: '',
      kind: executors.name,
      name,
      uid: before.metadata.uid,
      reason,
      message: `executor ${name} ${what}${by(call)}`,
    });
    return { ...object, metadata: { ...object.metadata, revision } };
  }

  async function attemptDelete(name: string, dry: boolean, call: CallContext): Promise<Executor> {
    const key = { formation: '', name };
    const [before, session, { items }] = await Promise.all([
      requireExecutor(name, call.signal),
      store.get(sessions, key, call.signal),
      store.list(instances, {}, call.signal),
    ]);
    if (session) {
      throw new PreconditionError(
        `executor ${quote(name)} is connected, and would be on the list again at once: gilliam executor drain ${name}, and gilliam down --forget on its machine`,
      );
    }
    const living = items.find(({ spec, status }) => spec.executor === name && !isFinished(status.state));
    if (living) {
      throw new PreconditionError(
        `executor ${quote(name)} may still run ${living.metadata.formation}/${shortName(living)}: wait until it is declared lost, some seconds after it has gone`,
      );
    }
    if (dry) return before;
    const { uid, revision } = before.metadata;
    await store.commit(
      [{ op: 'delete', kind: executors, key, revision }],
      // It may connect at this moment.
      [{ guard: 'object', kind: sessions, key, revision: 0n }],
      call.signal,
    );
    const message = `executor ${name} was taken off the list${by(call)}`;
    events.record({ formation: '', kind: executors.name, name, uid, reason: 'Forgotten', message });
    return before;
  }

  return {
    async getExecutor(request, call) {
      const { name } = parseName(executors, request.name);
      return { executor: await requireExecutor(name, call.signal) };
    },

    async listExecutors(request, call) {
      const page = readPage(request, 'executors');
      const { items, ...rest } = await listPage(store, { kind: executors }, page, call.signal);
      return { executors: [...items], ...rest };
    },

    async deleteExecutor(request, call) {
      const { name } = parseName(executors, request.name);
      const forget = () => attemptDelete(name, request.validateOnly, call);
      return { executor: await retryConflicts(context, forget, call.signal) };
    },

    async updateExecutor(request, call) {
      return { executor: await retryConflicts(context, () => attempt(request, call), call.signal) };
    },
  };
}

/** Draining implies cordoned: asking for the one sets the other, and uncordoning ends the draining. */
function nextSpec(before: ExecutorSpec, request: UpdateExecutorRequest): ExecutorSpec {
  const mask = readMask(request.updateMask, ['cordoned', 'draining']);
  const asked = request.executor?.spec;
  if (!mask) {
    throw invalid('update_mask', 'update_mask is missing: name cordoned, draining or both');
  }
  if (!asked) throw invalid('executor.spec', 'executor.spec is missing: it says what the mask names');
  if (mask.has('cordoned') && !asked.cordoned) {
    if (mask.has('draining') && asked.draining) {
      throw invalid(
        'executor.spec.cordoned',
        'an executor that drains is cordoned too: leave cordoned out of the mask',
      );
    }
    return { cordoned: false, draining: false };
  }
  const draining = mask.has('draining') ? asked.draining : before.draining;
  const cordoned = draining || mask.has('cordoned') || before.cordoned;
  return { cordoned, draining };
}

function changeOf(before: ExecutorSpec, after: ExecutorSpec): readonly [reason: string, what: string] {
  if (after.draining) return ['Draining', 'is being drained'];
  if (!after.cordoned) return ['Uncordoned', 'was uncordoned'];
  return before.draining
    ? ['Undrained', 'is no longer drained, still cordoned']
    : ['Cordoned', 'was cordoned'];
}

function invalid(field: string, description: string): InvalidError {
  return new InvalidError(description, [{ field, description }]);
}
