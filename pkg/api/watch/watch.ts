import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { InvalidError } from '../../base/errors';
import {
  Change_Type,
  type Change,
  type WatchResponse,
  type WatchServiceService,
} from '../../gen/gilliam/v1/watch_service';
import { parseParent, quote, WILDCARD } from '../../resource/names';
import {
  cronJobs,
  events,
  executors,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  volumes,
  type Kind,
  type Release,
  type Route,
  type StoredObject,
} from '../../resource/objects';
import { suggestion } from '../../resource/suggest';
import type { Change as StoreChange, WatchBatch } from '../../store/store';
import type { ApiContext } from '../api-context';
import type { Handlers } from '../call';
import { requireFormation } from '../objects';
import { shownRelease } from '../release-secrets';
import { shown } from '../routes';
import type { StreamLimit } from '../stream-limit';
import type { WatchHub } from './watch-hub';

/** The kinds that can be watched. Sessions are nobody's business. */
export const watchable: readonly Kind<StoredObject>[] = [
  formations,
  releases,
  scales,
  instances,
  executors,
  routes,
  rollouts,
  cronJobs,
  volumes,
  events,
];

const cases: Readonly<Record<string, NonNullable<Change['object']>['$case']>> = {
  Formation: 'formation',
  Release: 'release',
  Scale: 'scale',
  Instance: 'instance',
  Executor: 'executor',
  Route: 'route',
  Rollout: 'rollout',
  CronJob: 'cronJob',
  Volume: 'volume',
  Event: 'event',
};

export function watchHandlers(
  context: ApiContext,
  hub: WatchHub,
  streams: StreamLimit,
): Handlers<WatchServiceService> {
  return {
    async *watch(request, call) {
      const place = streams.take();
      try {
        const formation = parseParent(request.parent, { wildcard: true });
        const selected = select(formation, readKinds(request.kinds));
        if (formation !== WILDCARD) await requireFormation(context, formation, call.signal);
        const after = await startOf(request.afterRevision, context, call.signal);
        yield { changes: [], revision: after };
        const batches = hub.watch(after, call.signal);
        const convert = ({ changes, revision }: WatchBatch): WatchResponse => ({
          changes: changes.filter(selected).map(toChange),
          revision,
        });
        yield* withHeartbeat(batches, convert, after, context);
      } finally {
        place.dispose();
      }
    },
  };
}

/** Leaves out batches in which nothing was selected, unless there has been silence for long. */
async function* withHeartbeat(
  batches: AsyncGenerator<WatchBatch>,
  convert: (batch: WatchBatch) => WatchResponse,
  after: bigint,
  { clock, limits }: Pick<ApiContext, 'clock' | 'limits'>,
): AsyncGenerator<WatchResponse> {
  let revision = after;
  let quietSince = clock.monotonic();
  let next: Promise<IteratorResult<WatchBatch>> | undefined;
  try {
    for (;;) {
      next ??= batches.next();
      const first = await within(clock, quietSince + limits.heartbeatMs - clock.monotonic(), next);
      if (first) next = undefined;
      if (first?.done) return;
      const changes = first ? convert(first.value).changes : [];
      revision = first?.value.revision ?? revision;
      if (changes.length === 0 && clock.monotonic() - quietSince < limits.heartbeatMs) continue;
      quietSince = clock.monotonic();
      yield { changes, revision };
    }
  } finally {
    // The call is over, and with it its signal: nobody waits for what is still under way.
    next?.catch(() => {});
    batches.return(undefined).catch(() => {});
  }
}

/** What the promise gives, or undefined when that takes longer. */
async function within<T>(clock: Clock, delayMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: Disposable | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = clock.after(Math.max(0, delayMs), () => resolve(undefined));
  });
  return Promise.race([promise, late]).finally(() => timer?.dispose());
}

async function startOf(after: bigint, { store }: ApiContext, signal: AbortSignal): Promise<bigint> {
  const { revision } = await store.list(formations, { limit: 1 }, signal);
  if (after === 0n) return revision;
  if (after < 0n || after > revision) {
    const description = `after_revision is ${after}, and the store is at ${revision}: use a list's or a watch's revision of this stage`;
    throw new InvalidError(description, [{ field: 'after_revision', description }]);
  }
  return after;
}

function readKinds(names: readonly string[]): ReadonlySet<string> {
  const known = watchable.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const description = `kind ${quote(name)} cannot be watched: ${suggestion(name, known)}`;
    throw new InvalidError(description, [{ field: 'kinds', description }]);
  }
  return new Set(names.length === 0 ? known : names);
}

function select(formation: string, kinds: ReadonlySet<string>): (change: StoreChange) => boolean {
  return ({ kind, key }) => {
    if (!kinds.has(kind.name)) return false;
    if (formation === WILDCARD) return true;
    return (kind.name === formations.name ? key.name : key.formation) === formation;
  };
}

/** What only the store and those who need it are to know is left out. */
function withoutSecrets(kind: Kind<StoredObject>, object: StoredObject): StoredObject {
  if (kind.name === routes.name) return shown(object as Route);
  return kind.name === releases.name ? shownRelease(object as Release) : object;
}

function toChange({ kind, key, object }: StoreChange): Change {
  const type = object ? Change_Type.PUT : Change_Type.DELETE;
  const metadata = { ...key, uid: '', generation: 0n, revision: 0n, labels: {} };
  const seen = object && withoutSecrets(kind, object);
  const value = seen ?? { ...kind.decode(new Uint8Array()), metadata };
  return { type, object: { $case: cases[kind.name], value } as Change['object'] };
}
