import type { LogServiceService } from '../../gen/gilliam/v1/log_service';
import { parseParent } from '../../resource/names';
import { instances, releases, type Instance } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import type { Handlers } from '../call';
import { requireFormation } from '../objects';
import type { ExecutorLinks } from '../session/executor-links';
import type { StreamLimit } from '../stream-limit';
import { InstanceLogs, type LogsOptions } from './instance-logs';
import { LineQueue } from './line-queue';
import type { LogBroker } from './log-broker';
import { checkSources, hasLogs, initialInstances, matches, parseSources } from './log-sources';

interface Parts {
  readonly context: ApiContext;
  readonly links: ExecutorLinks;
  readonly broker: LogBroker;
  readonly streams: StreamLimit;
}

export function logHandlers({ context, links, broker, streams }: Parts): Handlers<LogServiceService> {
  const { caches } = context;
  return {
    async *streamLogs(request, call) {
      const name = parseParent(request.parent);
      const sources = parseSources(request.sources);
      const formation = await requireFormation(context, name, call.signal);
      await caches.reached(formation.metadata.revision, call.signal);
      const cache = caches.of(instances);
      checkSources(sources, {
        formation: name,
        releases: caches.of(releases).list(name),
        instances: cache.list(name),
      });

      const place = streams.take();
      const queue = new LineQueue();
      const started = new Set<string>();
      const running = new Set<Promise<void>>();
      const start = (instance: Instance, options: LogsOptions) => {
        if (started.has(instance.metadata.uid)) return;
        started.add(instance.metadata.uid);
        const logs = new InstanceLogs({ context, links, broker, queue }, instance, options);
        const run: Promise<void> = logs.run(call.signal).finally(() => {
          running.delete(run);
          if (!request.follow && running.size === 0) queue.close();
        });
        running.add(run);
        run.catch(() => {});
      };
      const { follow, tailLines, since } = request;
      const subscription = cache.onChange((_key, after) => {
        if (!follow || after?.metadata.formation !== name) return;
        // What starts later is followed from its beginning.
        if (hasLogs(after) && matches(sources, after)) start(after, { follow, since });
      });
      try {
        // That the stream stands: who waits for a line may wait for long.
        yield { lines: [] };
        for (const instance of initialInstances(cache.list(name), sources)) {
          start(instance, { follow, tailLines, since });
        }
        if (!follow && running.size === 0) queue.close();
        for await (const lines of queue.read(call.signal)) yield { lines: [...lines] };
      } finally {
        subscription.dispose();
        queue.close();
        place.dispose();
      }
    },
  };
}
