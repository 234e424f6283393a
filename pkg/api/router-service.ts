import { sleep } from '../base/clock';
import type { RouterServiceService } from '../gen/gilliam/v1/router_service';
import { formations, routes, type Formation, type Route } from '../resource/objects';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { Pulse } from './pulse';

// Many changes at a time make few tables: routers load each of them.
const pauseMs = 50;

export function routerHandlers(context: ApiContext): Handlers<RouterServiceService> {
  const { caches, clock, log } = context;
  return {
    async *followRoutes({ name, heldOnly }, { signal }) {
      const cache = caches.of(routes);
      const changed = new Pulse();
      let dirty = true;
      const touch = () => {
        dirty = true;
        changed.beat();
      };
      const subscriptions = [
        ...(heldOnly ? [] : [cache.onChange(touch)]),
        caches.of(formations).onChange((_key, after, before) => {
          // Of most changes of a formation none is of interest here.
          if (heldOf(after).join() !== heldOf(before).join()) touch();
        }),
      ];
      log.info(heldOnly ? 'proxy follows' : 'router follows', { name: name.slice(0, 128) });
      try {
        await caches.synced(signal);
        while (!signal.aborted) {
          if (dirty) {
            // Before the table is read: what changes from here on makes another one.
            dirty = false;
            const heldServices = caches.of(formations).list().flatMap(heldOf).toSorted();
            const table = heldOnly ? [] : cache.list().toSorted(byName);
            yield { routes: table, revision: caches.revision, heldServices };
            await sleep(clock, pauseMs, signal);
          } else {
            await changed.next(signal);
          }
        }
      } finally {
        for (const subscription of subscriptions) subscription.dispose();
      }
    },
  };
}

/** Services of the formation that may be scaled to none: `web.shop`. */
function heldOf(formation: Formation | undefined): string[] {
  if (!formation || formation.metadata.deleted) return [];
  return Object.entries(formation.spec.scaling)
    .filter(([, { min }]) => min === 0)
    .map(([service]) => `${service}.${formation.metadata.name}`);
}

function byName({ metadata: left }: Route, { metadata: right }: Route): number {
  const [a, b] = [left, right].map(({ formation, name }) => `${formation}/${name}`) as [string, string];
  return a < b ? -1 : 1;
}
