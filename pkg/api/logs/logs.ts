import { InvalidError } from '../../base/errors';
import type { LogServiceService, StreamLogsRequest } from '../../gen/gilliam/v1/log_service';
import { LogsWanted } from '../../gen/gilliam/v1/session_service';
import { instanceRef } from '../../resource/instance-name';
import { linesOf, type LogBatch } from '../../resource/log-chunk';
import { parseParent } from '../../resource/names';
import { instances, releases, sessions, type Instance, type Session } from '../../resource/objects';
import { parseReleaseName } from '../../resource/release-name';
import type { ApiContext } from '../api-context';
import type { Handlers } from '../call';
import { requireFormation } from '../objects';
import type { ReadLogs } from '../replicas/stage-logs';
import type { StreamLimit } from '../stream-limit';
import { InstanceLogs, type LogsOptions } from './instance-logs';
import { LineQueue } from './line-queue';
import {
  checkSources,
  hasLogs,
  initialInstances,
  livingInstances,
  type LogSource,
  matches,
  missingInstance,
  noInstance,
  parseSources,
} from './log-sources';

interface Parts {
  readonly context: ApiContext;
  readonly read: ReadLogs;
  readonly streams: StreamLimit;
}

export function logHandlers({ context, read, streams }: Parts): Handlers<LogServiceService> {
  const { caches } = context;
  return {
    async *streamLogs(request, call) {
      const name = parseParent(request.parent);
      checkRequest(request);
      const sources = parseSources(request.sources);
      const formation = await requireFormation(context, name, call.signal);
      await caches.reached(formation.metadata.revision, call.signal);
      const cache = caches.of(instances);
      checkSources(sources, {
        formation: name,
        releases: caches.of(releases).list(name),
        instances: cache.list(name),
      });
      // One that is followed may come yet, and of one that is gone there may be history.
      if (!request.follow && !request.showFinished)
        await requireInstances(context, name, sources, call.signal);

      const place = streams.take();
      const queue = new LineQueue();
      const started = new Set<string>();
      const running = new Set<Promise<void>>();
      const { tailLines, since, until, contains, showFinished } = request;
      // What is printed after the end that is asked for is of no interest.
      const follow = request.follow && !until;
      const options = { follow, tailLines, since, until, contains, withHistory: !showFinished };
      const begin = (work: Promise<void>) => {
        const run: Promise<void> = work.finally(() => {
          running.delete(run);
          if (!follow && running.size === 0) queue.close();
        });
        running.add(run);
        run.catch(() => {});
      };
      const start = (instance: Instance, options: LogsOptions) => {
        if (started.has(instance.metadata.uid)) return;
        if (request.release !== '' && instance.spec.release !== request.release) return;
        started.add(instance.metadata.uid);
        begin(new InstanceLogs({ context, read, queue }, instance, options).run(call.signal));
      };
      const subscription = cache.onChange((_key, after) => {
        if (!follow || after?.metadata.formation !== name) return;
        // What starts later is followed from its beginning.
        if (hasLogs(after) && matches(sources, after)) start(after, { ...options, tailLines: undefined });
      });
      try {
        // That the stream stands: who waits for a line may wait for long.
        yield { lines: [] };
        const known = cache.list(name);
        if (showFinished) {
          const connected = caches.of(sessions).list();
          // One of the same name that was deleted is another formation, whose lines are still kept for a while.
          const { created } = formation.metadata;
          const from = since && created && since > created ? since : (created ?? since);
          for (const { executor, wanted } of historyOf(connected, name, { ...request, since: from })) {
            const take = (batch: LogBatch) => queue.push(batch);
            begin(read(executor, wanted, take, call.signal).then(() => {}));
          }
        }
        const first = showFinished ? livingInstances(known, sources) : initialInstances(known, sources);
        for (const instance of first) start(instance, options);
        if (!follow && running.size === 0) queue.close();
        for await (const batch of queue.read(call.signal)) {
          if (request.packed) yield { lines: [...batch.lines], chunk: batch.chunk };
          else yield { lines: [...linesOf(batch)] };
        }
      } finally {
        subscription.dispose();
        queue.close();
        place.dispose();
      }
    },
  };
}

/** Throws NotFoundError for an instance that there is not. After it, the caches show those that there are. */
async function requireInstances(
  { store, caches }: ApiContext,
  formation: string,
  sources: readonly LogSource[],
  signal: AbortSignal,
): Promise<void> {
  if (!missingInstance(sources, caches.of(instances).list(formation))) return;
  // It may be newer than the cache.
  const { items } = await store.list(instances, { formation }, signal);
  const missing = missingInstance(sources, items);
  if (missing) throw noInstance(missing, formation, items);
  for (const { metadata } of items) await caches.reached(metadata.revision, signal);
}

const maxContainsBytes = 1_024;

function checkRequest({ release, contains, since, until }: StreamLogsRequest): void {
  if (release !== '') parseReleaseName(release, 'release');
  const refuse = (field: string, description: string) => {
    throw new InvalidError(description, [{ field, description }]);
  };
  if (Buffer.byteLength(contains) > maxContainsBytes || /[\r\n]/.test(contains)) {
    refuse('contains', `contains has to be a part of one line, of at most ${maxContainsBytes} bytes`);
  }
  if (since && until && since >= until) {
    refuse('until', 'until is not after since: nothing was printed between them');
  }
}

/** What to ask the connected executors for: the lines of all instances that are gone. */
function historyOf(
  connected: readonly Session[],
  formation: string,
  { sources, release, since, until, contains, tailLines }: StreamLogsRequest,
): { readonly executor: string; readonly wanted: LogsWanted }[] {
  const named = sources.length === 0 ? [''] : sources;
  return connected.flatMap(({ metadata: { name: executor } }) =>
    named.map((source) => {
      const ref = instanceRef(source);
      const instance = ref ? `${ref.process}.${ref.ordinal}` : source;
      const choice = { release, since, until, contains, tailLines };
      return { executor, wanted: LogsWanted.fromPartial({ formation, instance, ...choice }) };
    }),
  );
}
