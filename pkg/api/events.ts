import type { EventServiceService } from '../gen/gilliam/v1/event_service';
import { parseParent, WILDCARD } from '../resource/names';
import { events, type Event } from '../resource/objects';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { requireFormation } from './objects';
import { readPage, sortedPage } from './paging';

export function eventHandlers(context: ApiContext): Handlers<EventServiceService> {
  return {
    async listEvents({ about, ...request }, call) {
      const parent = parseParent(request.parent, { wildcard: true });
      const formation = parent === WILDCARD ? undefined : parent;
      const page = readPage(request, `events/${parent}/${about}`);
      if (formation !== undefined) await requireFormation(context, formation, call.signal);
      // What was written is shown: whoever did something and looks at once finds it.
      await context.events.flush();
      const keep = about === '' ? undefined : (event: Event) => event.name === about;
      const { items, ...rest } = await sortedPage(
        context.store,
        { kind: events, formation, keep, compare },
        page,
        call.signal,
      );
      return { events: [...items], ...rest };
    },
  };
}

function compare(left: Event, right: Event): number {
  const difference = (left.last?.getTime() ?? 0) - (right.last?.getTime() ?? 0);
  return difference || (left.metadata.name < right.metadata.name ? -1 : 1);
}
