import { isDeepStrictEqual } from 'node:util';
import { ExistsError, NotFoundError } from '../base/errors';
import { RouteSpec } from '../gen/gilliam/v1/route';
import type { Route as RouteMessage } from '../gen/gilliam/v1/route';
import type { RouteServiceService } from '../gen/gilliam/v1/route_service';
import { checkLabel, parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { routes, type Formation, type Route } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import { REST } from '../routing/pattern';
import { routeNameOf } from '../routing/route-name';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { newMetadata, requireFormation, requireLivingFormation } from './objects';
import { readPage, sortedPage } from './paging';
import { prepareRoute } from './prepare-route';
import { checkRevision, retryConflicts } from './retry';
import { Refused, RouteStore } from './route-store';
import { RouteTable } from './route-table';
import { testRoute } from './route-test';
import { withoutKey } from './route-tls';

export function routeHandlers(context: ApiContext): Handlers<RouteServiceService> {
  const { store, events } = context;
  const table = new RouteTable();
  const written = new RouteStore(context, table);

  async function requireRoute(key: { formation: string; name: string }, signal: AbortSignal): Promise<Route> {
    checkLabel('route name', key.name, 'name');
    const found = await store.get(routes, key, signal);
    if (found) return found;
    await requireFormation(context, key.formation, signal);
    const known = (await store.list(routes, { formation: key.formation }, signal)).items;
    const names = known.map(({ metadata }) => metadata.name);
    throw new NotFoundError(
      `${quote(key.formation)} has no route ${quote(key.name)}: ${suggestion(key.name, names)}`,
    );
  }

  async function create(
    given: RouteMessage,
    parent: string,
    validateOnly: boolean,
    call: CallContext,
  ): Promise<Route> {
    const { signal } = call;
    const formation = await requireLivingFormation(context, parent, signal);
    const name = given.metadata?.name || (await freeName(formation, given.spec?.pattern ?? '', signal));
    const existing = await store.get(routes, { formation: parent, name }, signal);
    if (existing) {
      throw new Refused(
        new ExistsError(
          `${quote(parent)} has a route ${quote(name)} already: choose another name, or update it`,
        ),
      );
    }
    const metadata = newMetadata(context, { formation: parent, name }, given.metadata?.labels);
    const after = await prepareRoute(context, { metadata, spec: given.spec ?? RouteSpec.fromPartial({}) });
    await written.check([{ after }], signal);
    if (validateOnly) return after.route;
    const revision = await written.put({ formation, after }, signal);
    return { ...after.route, metadata: { ...metadata, revision } };
  }

  async function update(given: RouteMessage, validateOnly: boolean, call: CallContext): Promise<Change> {
    const { signal } = call;
    const { formation: parent = '', name = '', revision: wanted } = given.metadata ?? {};
    const formation = await requireLivingFormation(context, parent, signal);
    const before = await requireRoute({ formation: parent, name }, signal);
    checkRevision(`route ${quote(name)}`, wanted, before.metadata.revision);
    const generation = before.metadata.generation + 1n;
    const asked = {
      metadata: { ...before.metadata, generation },
      spec: given.spec ?? RouteSpec.fromPartial({}),
    };
    const after = await prepareRoute(context, asked, before);
    if (isDeepStrictEqual(after.route.spec, before.spec)) return { route: before, changed: false };
    await written.check([{ before, after }], signal);
    if (validateOnly) return { route: after.route, changed: false };
    const revision = await written.put({ formation, before, after }, signal);
    return { route: { ...after.route, metadata: { ...after.route.metadata, revision } }, changed: true };
  }

  async function freeName(formation: Formation, pattern: string, signal: AbortSignal): Promise<string> {
    const { items } = await store.list(routes, { formation: formation.metadata.name }, signal);
    return routeNameOf(pattern, new Set(items.map(({ metadata }) => metadata.name)));
  }

  function tell({ metadata, spec }: Route, reason: string, what: string, call: CallContext): void {
    const { formation, name, uid } = metadata;
    const leads = spec.redirect ? `redirect to ${spec.redirect.location}` : spec.target;
    const message = `route ${name} was ${what}${by(call)}: ${spec.pattern} → ${leads}`.slice(0, 1_000);
    events.record({ formation, kind: routes.name, name, uid, reason, message });
  }

  return {
    async createRoute(request, call) {
      const parent = parseParent(request.parent);
      const given = request.route ?? {};
      const name = given.metadata?.name ?? '';
      if (name !== '') checkLabel('route name', name, 'route.metadata.name');
      const { validateOnly } = request;
      const route = await attempts(context, () => create(given, parent, validateOnly, call), call);
      if (!validateOnly) tell(route, 'Created', 'created', call);
      return { route: shown(route) };
    },

    async getRoute(request, call) {
      return { route: shown(await requireRoute(parseName(routes, request.name), call.signal)) };
    },

    async listRoutes(request, call) {
      const parent = parseParent(request.parent, { wildcard: true });
      const page = readPage(request, `routes/${parent}`);
      if (parent !== WILDCARD) await requireFormation(context, parent, call.signal);
      const formation = parent === WILDCARD ? undefined : parent;
      const compare = (left: Route, right: Route) => table.compare(left, right);
      const { items, ...rest } = await sortedPage(
        store,
        { kind: routes, formation, compare },
        page,
        call.signal,
      );
      return { routes: items.map(shown), ...rest };
    },

    async updateRoute(request, call) {
      const given = request.route ?? {};
      parseParent(`formations/${given.metadata?.formation ?? ''}`, { field: 'route.metadata.formation' });
      checkLabel('route name', given.metadata?.name ?? '', 'route.metadata.name');
      const { validateOnly } = request;
      const { route, changed } = await attempts(context, () => update(given, validateOnly, call), call);
      if (changed) tell(route, 'Updated', 'changed', call);
      return { route: shown(route) };
    },

    async deleteRoute(request, call) {
      const key = parseName(routes, request.name);
      const route = await attempts(
        context,
        async () => {
          const before = await requireRoute(key, call.signal);
          if (!request.validateOnly) await written.delete(before, call.signal);
          return before;
        },
        call,
      );
      if (!request.validateOnly) tell(route, 'Deleted', 'deleted', call);
      return {};
    },

    async testRoute(request, call) {
      const { match, ...answer } = testRoute(table.ordered(await written.all(call.signal)), request);
      const variables = Object.entries(match?.variables ?? {}).filter(([name]) => name !== REST);
      const route = match && shown(match.compiled.route);
      return { ...answer, variables: Object.fromEntries(variables), ...(route && { route }) };
    },
  };
}

interface Change {
  readonly route: Route;
  readonly changed: boolean;
}

/** As retryConflicts; what is refused for good is thrown at once. */
async function attempts<T>(context: ApiContext, attempt: () => Promise<T>, call: CallContext): Promise<T> {
  try {
    return await retryConflicts(context, attempt, call.signal);
  } catch (error) {
    throw error instanceof Refused ? error.error : error;
  }
}

/** A route as users may see it: the private key stays in the store. */
export function shown(route: Route): Route {
  const { tls } = route.spec;
  return tls ? { ...route, spec: { ...route.spec, tls: withoutKey(tls) } } : route;
}
