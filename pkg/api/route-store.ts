import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ConflictError, ExhaustedError, ExistsError, type GilliamError } from '../base/errors';
import { quote } from '../resource/names';
import { formations, routes, type Formation, type Route } from '../resource/objects';
import { claimant, claimLabels, routeClaims, type RouteClaim } from '../resource/route-claim';
import type { CompiledRoute } from '../routing/types';
import type { Guard, Write } from '../store/store';
import type { ApiContext } from './api-context';
import { newMetadata } from './objects';
import type { RouteTable } from './route-table';

/** The most routes of a stage. */
export const MAX_ROUTES = 5_000;

/** A change that can only be refused, whoever tries again. */
export class Refused extends Error {
  constructor(readonly error: GilliamError) {
    super(error.message);
  }
}

export interface RouteChange {
  readonly formation: Formation;
  /** Absent for a new one. */
  readonly before?: Route;
  readonly after: CompiledRoute;
}

/**
 * Writes routes so that no two match the same. A claim, named for what is matched, is written in the same transaction:
 * of two routes that are made at one moment, the second finds it there.
 */
export class RouteStore {
  constructor(
    private readonly context: Pick<ApiContext, 'store' | 'clock' | 'random'>,
    private readonly table: RouteTable,
  ) {}

  async all(signal: AbortSignal): Promise<readonly Route[]> {
    return (await this.context.store.list(routes, {}, signal)).items;
  }

  /** Throws Refused where another route matches the same. */
  async check({ before, after }: RouteChange, signal: AbortSignal): Promise<void> {
    const all = await this.all(signal);
    const rival = this.table
      .ordered(all)
      .find(
        (other) => other.canonical === after.canonical && other.route.metadata.uid !== before?.metadata.uid,
      );
    if (rival) throw new Refused(duplicate(after.route, rival.route));
    if (!before && all.length >= MAX_ROUTES) {
      throw new Refused(
        new ExhaustedError(`there are ${MAX_ROUTES} routes, and no more may be: delete some`),
      );
    }
  }

  /** Throws ConflictError when somebody else came first: check again. The revision that it is at now. */
  async put({ formation, before, after }: RouteChange, signal: AbortSignal): Promise<bigint> {
    const { route } = after;
    const claims = await this.#claims(before && this.table.compiled(before), after, signal);
    return this.context.store.commit(
      [{ op: before ? 'update' : 'create', kind: routes, object: route }, ...claims.writes],
      // A route must not outlive its formation.
      [unchanged(formation), ...claims.guards],
      signal,
    );
  }

  async delete(route: Route, signal: AbortSignal): Promise<void> {
    const { formation, name, revision } = route.metadata;
    const compiled = this.table.compiled(route);
    const claim = compiled && (await this.#claim(compiled.canonical, signal));
    const writes: Write[] = [{ op: 'delete', kind: routes, key: { formation, name }, revision }];
    if (claim && isOf(claim, route)) writes.push(release(claim));
    await this.context.store.commit(writes, [], signal);
  }

  async #claims(
    before: CompiledRoute | undefined,
    after: CompiledRoute,
    signal: AbortSignal,
  ): Promise<{ writes: Write[]; guards: Guard[] }> {
    if (before?.canonical === after.canonical) return { writes: [], guards: [] };
    const writes: Write[] = [];
    const guards: Guard[] = [];
    const labels = claimLabels(after.route.metadata);
    const name = claimName(after.canonical);
    const held = await this.#claim(after.canonical, signal);
    if (!held) {
      const metadata = newMetadata(this.context, { name }, labels);
      writes.push({ op: 'create', kind: routeClaims, object: { metadata } });
    } else {
      // Left by a route that went with its formation. Only as long as that one is not there.
      if (!isOf(held, after.route)) {
        const key = claimant(held);
        const holder = await this.context.store.get(routes, key, signal);
        const still = holder && this.table.compiled(holder)?.canonical === after.canonical;
        if (still)
          throw new ConflictError(`what ${quote(after.route.spec.pattern)} matches was taken at this moment`);
        guards.push({ guard: 'object', kind: routes, key, revision: holder?.metadata.revision ?? 0n });
      }
      const object: RouteClaim = { metadata: { ...held.metadata, labels } };
      if (!isDeepStrictEqual(object, held)) writes.push({ op: 'update', kind: routeClaims, object });
    }
    const former = before && (await this.#claim(before.canonical, signal));
    if (before && former && isOf(former, before.route)) writes.push(release(former));
    return { writes, guards };
  }

  #claim(canonical: string, signal: AbortSignal): Promise<RouteClaim | undefined> {
    return this.context.store.get(routeClaims, { formation: '', name: claimName(canonical) }, signal);
  }
}

function claimName(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex');
}

function isOf(claim: RouteClaim, { metadata }: Route): boolean {
  const { formation, name } = claimant(claim);
  return formation === metadata.formation && name === metadata.name;
}

function release({ metadata: { name, revision } }: RouteClaim): Write {
  return { op: 'delete', kind: routeClaims, key: { formation: '', name }, revision };
}

function unchanged({ metadata: { name, revision } }: Formation): Guard {
  return { guard: 'object', kind: formations, key: { formation: '', name }, revision };
}

function duplicate(route: Route, { metadata, spec }: Route): ExistsError {
  const same = spec.pattern === route.spec.pattern ? '' : ` (as ${quote(spec.pattern)})`;
  return new ExistsError(
    `route ${metadata.name} of ${quote(metadata.formation)} matches exactly what ${quote(route.spec.pattern)} does${same}: change or delete it, or add a method, header or query to match`,
  );
}
