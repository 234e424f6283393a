import { NotFoundError, PreconditionError } from '../base/errors';
import { ExecutorState } from '../gen/gilliam/v1/executor';
import type { VolumeServiceService } from '../gen/gilliam/v1/volume_service';
import { isFinished, shortName } from '../resource/instance';
import { parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { executors, instances, volumes, type Instance, type Volume } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { requireFormation } from './objects';
import { listPage, readPage } from './paging';
import { retryConflicts } from './retry';

export function volumeHandlers(context: ApiContext): Handlers<VolumeServiceService> {
  const { store, events, clock } = context;

  async function require(key: { formation: string; name: string }, signal: AbortSignal): Promise<Volume> {
    const found = await store.get(volumes, key, signal);
    if (found) return found;
    await requireFormation(context, key.formation, signal);
    const known = (await store.list(volumes, { formation: key.formation }, signal)).items;
    const names = known.map(({ metadata }) => metadata.name);
    throw new NotFoundError(
      `${quote(key.formation)} has no volume ${quote(key.name)}: ${names.length === 0 ? 'nothing in it keeps anything' : suggestion(key.name, names)}`,
    );
  }

  async function attempt(resource: string, dry: boolean, call: CallContext): Promise<Volume> {
    const key = parseName(volumes, resource);
    const before = await require(key, call.signal);
    const { items } = await store.list(instances, { formation: key.formation }, call.signal);
    const holder = items.find((instance) => has(instance, before));
    if (holder) {
      const { service } = before.spec;
      throw new PreconditionError(
        `volume ${key.name} is in use by ${shortName(holder)}: stop it first, gilliam scale ${service}=0`,
      );
    }
    if (before.metadata.deleted) return before;
    const object: Volume = {
      ...before,
      metadata: { ...before.metadata, deleted: new Date(clock.now()) },
    };
    if (dry) return object;
    // Refused if an instance is placed meanwhile: its volumes are written with it.
    const revision = await store.commit([{ op: 'update', kind: volumes, object }], [], call.signal);
    const where = await whereFrom(before.spec.executor, call.signal);
    events.record({
      formation: key.formation,
      kind: volumes.name,
      name: key.name,
      uid: before.metadata.uid,
      reason: 'Deleted',
      message: `deletion of volume ${key.name} ${where} was asked for${by(call)}`,
      warning: where !== `on ${before.spec.executor}`,
    });
    return { ...object, metadata: { ...object.metadata, revision } };
  }

  async function whereFrom(executor: string, signal: AbortSignal): Promise<string> {
    const found = await store.get(executors, { formation: '', name: executor }, signal);
    const lost = !found || found.status.state === ExecutorState.LOST;
    return lost ? `on ${executor}, which is lost and keeps the data if it ever returns,` : `on ${executor}`;
  }

  return {
    async listVolumes(request, call) {
      const parent = parseParent(request.parent, { wildcard: true });
      const page = readPage(request, `volumes/${parent}`);
      const formation = parent === WILDCARD ? undefined : parent;
      if (formation !== undefined) await requireFormation(context, formation, call.signal);
      const { items, ...rest } = await listPage(store, { kind: volumes, formation }, page, call.signal);
      return { volumes: [...items], ...rest };
    },

    async deleteVolume(request, call) {
      const volume = await retryConflicts(
        context,
        () => attempt(request.name, request.validateOnly, call),
        call.signal,
      );
      return { volume };
    },
  };
}

/** One that is still to be placed has none yet: it waits, perhaps for an executor that will never be back. */
function has({ spec, status }: Instance, volume: Volume): boolean {
  return (
    spec.executor === volume.spec.executor &&
    spec.process === volume.spec.service &&
    spec.ordinal === volume.spec.ordinal &&
    !spec.oneOff &&
    !isFinished(status.state)
  );
}
