import { NotFoundError } from '../base/errors';
import type { InstanceServiceService } from '../gen/gilliam/v1/instance_service';
import { isFinished, shortName } from '../resource/instance';
import { parseInstanceRef } from '../resource/instance-name';
import { parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { instances, type Instance } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import { explain } from '../scheduler/explain';
import type { ApiContext } from './api-context';
import { by, type Handlers } from './call';
import { requireFormation } from './objects';
import { listPage, readPage } from './paging';
import { snapshot } from './snapshot';
import { changeInstance, replaced, stopped } from './stop-instance';

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

    async stopInstance(request, call) {
      const found = await requireInstance(context, request.name, call.signal);
      const { uid, formation } = found.metadata;
      const now = new Date(context.clock.now());
      const change = (instance: Instance) =>
        request.replaceFirst ? replaced(instance) : stopped(instance, now);
      if (request.validateOnly) return { instance: change(found) };
      const instance = (await changeInstance(context, found, change, call.signal)) ?? found;
      if (instance.metadata.revision !== found.metadata.revision) {
        const what = request.replaceFirst ? 'is to be replaced' : 'is to stop';
        const about = { formation, uid, kind: instances.name, name: shortName(instance) };
        const reason = request.replaceFirst ? 'ReplacementWanted' : 'StopWanted';
        context.events.record({ ...about, reason, message: `${what}${by(call)}` });
      }
      return { instance };
    },

    async explainInstance(request, call) {
      const instance = await requireInstance(context, request.name, call.signal);
      await caches.reached(instance.metadata.revision, call.signal);
      return { instance, verdicts: [...explain(snapshot(context), instance)] };
    },
  };
}

/** The instance by its object's name, or by `web.1`: the newest that has held the ordinal. Throws NotFoundError. */
export async function requireInstance(
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
