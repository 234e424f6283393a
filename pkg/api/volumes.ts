import { NotFoundError, PreconditionError } from '../base/errors';
import { ExecutorState } from '../gen/gilliam/v1/executor';
import type { VolumeServiceService } from '../gen/gilliam/v1/volume_service';
import { isFinished, shortName } from '../resource/instance';
import { parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { executors, instances, volumes, type Instance, type Volume } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import type { Write } from '../store/store';
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
    // Asked for twice, perhaps because the first answer was lost.
    const last = known.findLast(
      ({ metadata }) => metadata.deleted && metadata.name.startsWith(`${key.name}.`),
    );
    if (last) return last;
    const names = known.filter(({ metadata }) => !metadata.deleted).map(({ metadata }) => metadata.name);
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
    const object = doomed(before, new Date(clock.now()));
    if (dry) return object;
    // Refused if an instance is placed meanwhile: its volumes are written with it.
    const { revision: known } = before.metadata;
    const writes: Write[] = [
      { op: 'delete', kind: volumes, key, revision: known },
      { op: 'create', kind: volumes, object },
    ];
    const revision = await store.commit(writes, [], call.signal);
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

/**
 * The volume under another name, until its executor has deleted it: so its own is free at once, and whoever waits for
 * it is given a new one, even when that executor never comes back.
 */
function doomed(volume: Volume, deleted: Date): Volume {
  const { metadata } = volume;
  const name = `${metadata.name}.${metadata.uid.slice(0, 8)}`;
  return { ...volume, metadata: { ...metadata, name, deleted, revision: 0n } };
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
