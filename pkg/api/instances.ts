import { InternalError, NotFoundError } from '../base/errors';
import type { InstanceServiceService } from '../gen/gilliam/v1/instance_service';
import { isFinished, shortName } from '../resource/instance';
import { parseInstanceRef } from '../resource/instance-name';
import { processOfInstance } from '../resource/instance-process';
import { parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { executors, instances, releases, type Instance } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import { explain } from '../scheduler/explain';
import type { Snapshot } from '../scheduler/types';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { requireFormation } from './objects';
import { listPage, readPage } from './paging';

export function instanceHandlers(context: ApiContext): Handlers<InstanceServiceService> {
  const { store, caches } = context;
  return {
    async getInstance(request, call) {
      return { instance: await requireInstance(context, request.name, call.signal) };
    },

    async listInstances(request, call) {
      const parent = parseParent(request.parent, { wildcard: true });
      const page = readPage(request, `instances/${parent}${request.showFinished ? '/finished' : ''}`);
      const formation = parent === WILDCARD ? undefined : parent;
      if (formation !== undefined) await requireFormation(context, formation, call.signal);
      const keep = request.showFinished ? undefined : ({ status }: Instance) => !isFinished(status.state);
      const { items, ...rest } = await listPage(
        store,
        { kind: instances, formation, keep },
        page,
        call.signal,
      );
      return { instances: [...items], ...rest };
    },

    async stopInstance() {
      throw new InternalError('instances cannot be stopped yet');
    },

    async explainInstance(request, call) {
      const instance = await requireInstance(context, request.name, call.signal);
      await caches.reached(instance.metadata.revision, call.signal);
      return { instance, verdicts: [...explain(snapshot(context), instance)] };
    },
  };
}

/** The instance by its object's name, or by `web.1`: the newest that has held the ordinal. Throws NotFoundError. */
async function requireInstance(
  context: ApiContext,
  resource: string,
  signal: AbortSignal,
): Promise<Instance> {
  const { formation, name } = parseName(instances, resource);
  const ref = parseInstanceRef(name);
  await requireFormation(context, formation, signal);
  const { items } = await context.store.list(instances, { formation }, signal);
  const found = items
    .filter(({ spec }) => spec.process === ref.process && spec.ordinal === ref.ordinal)
    .filter(({ spec }) => ref.incarnation === undefined || spec.incarnation === ref.incarnation)
    .reduce<Instance | undefined>(
      (newest, instance) =>
        newest && newest.spec.incarnation > instance.spec.incarnation ? newest : instance,
      undefined,
    );
  if (found) return found;
  const living = items.filter(({ status }) => !isFinished(status.state)).map(shortName);
  throw new NotFoundError(
    `${quote(formation)} has no instance ${name}: ${living.length === 0 ? 'nothing runs, gilliam scale' : suggestion(name, living)}`,
  );
}

/** What the scheduler would decide on now. */
function snapshot({ caches }: ApiContext): Snapshot {
  return {
    executors: caches.of(executors).list(),
    instances: caches
      .of(instances)
      .list()
      .filter(({ status }) => !isFinished(status.state)),
    processOf(instance) {
      const key = { formation: instance.metadata.formation, name: instance.spec.release };
      return processOfInstance(instance, caches.of(releases).get(key));
    },
  };
}
