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

/** What becomes of one route: made, changed or, without `after`, deleted. */
export interface RouteEdit {
  /** Absent for a new one. */
  readonly before?: Route;
  readonly after?: CompiledRoute;
}

export interface RouteChange extends RouteEdit {
  readonly formation: Formation;
  readonly after: CompiledRoute;
}

/** A part of a transaction. */
export interface Part {
  readonly writes: readonly Write[];
  readonly guards: readonly Guard[];
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

  /** Throws Refused where another route matches the same, be it one of the same edits. */
  async check(edits: readonly RouteEdit[], signal: AbortSignal): Promise<void> {
    const all = await this.all(signal);
    const edited = new Set(edits.map(({ before }) => before?.metadata.uid));
    const others = this.table.ordered(all).filter(({ route }) => !edited.has(route.metadata.uid));
    const byCanonical = new Map(others.map(({ canonical, route }) => [canonical, route]));
    for (const { after } of edits) {
      if (!after) continue;
      const rival = byCanonical.get(after.canonical);
      if (rival) throw new Refused(duplicate(after.route, rival));
      byCanonical.set(after.canonical, after.route);
    }
    const added = edits.filter(({ before, after }) => after && !before).length;
    const removed = edits.filter(({ before, after }) => before && !after).length;
    if (added > removed && all.length + added - removed > MAX_ROUTES) {
      throw new Refused(
        new ExhaustedError(
          `there are ${all.length} routes, and no more than ${MAX_ROUTES} may be: delete some`,
        ),
      );
    }
  }

  /** Throws ConflictError when somebody else came first: check again. The revision that it is at now. */
  async put({ formation, ...edit }: RouteChange, signal: AbortSignal): Promise<bigint> {
    const { writes, guards } = await this.part([edit], signal);
    // A route must not outlive its formation.
    return this.context.store.commit(writes, [unchanged(formation), ...guards], signal);
  }

  async delete(route: Route, signal: AbortSignal): Promise<void> {
    const { writes, guards } = await this.part([{ before: route }], signal);
    await this.context.store.commit(writes, guards, signal);
  }

  /** What the edits are in a transaction. Routes may take over from each other what they match. */
  async part(edits: readonly RouteEdit[], signal: AbortSignal): Promise<Part> {
    const parts = [
      ...edits.flatMap(writesOf).map((write): Part => ({ writes: [write], guards: [] })),
      ...(await this.#claims(edits, signal)),
    ];
    return {
      writes: parts.flatMap(({ writes }) => writes),
      guards: parts.flatMap(({ guards }) => guards),
    };
  }

  async #claims(edits: readonly RouteEdit[], signal: AbortSignal): Promise<readonly Part[]> {
    const taken = new Map<string, Route>();
    const left = new Map<string, Route>();
    for (const { before, after } of edits) {
      const former = before && this.table.compiled(before)?.canonical;
      if (former === after?.canonical) continue;
      if (after) taken.set(after.canonical, after.route);
      if (before && former !== undefined) left.set(former, before);
    }
    const takes = [...taken].map(([canonical, route]) => this.#take(canonical, route, left, signal));
    const releases = [...left]
      .filter(([canonical]) => !taken.has(canonical))
      .map(async ([canonical, route]): Promise<Part> => {
        const held = await this.#claim(canonical, signal);
        return { writes: held && isOf(held, route) ? [release(held)] : [], guards: [] };
      });
    return Promise.all([...takes, ...releases]);
  }

  async #take(
    canonical: string,
    route: Route,
    left: ReadonlyMap<string, Route>,
    signal: AbortSignal,
  ): Promise<Part> {
    const labels = claimLabels(route.metadata);
    const held = await this.#claim(canonical, signal);
    if (!held) {
      const metadata = newMetadata(this.context, { name: claimName(canonical) }, labels);
      return { writes: [{ op: 'create', kind: routeClaims, object: { metadata } }], guards: [] };
    }
    const object: RouteClaim = { metadata: { ...held.metadata, labels } };
    const writes: Write[] = isDeepStrictEqual(object, held)
      ? []
      : [{ op: 'update', kind: routeClaims, object }];
    const former = left.get(canonical);
    if (isOf(held, route) || (former && isOf(held, former))) return { writes, guards: [] };
    // Left by a route that went with its formation. Only as long as that one is not there.
    const key = claimant(held);
    const holder = await this.context.store.get(routes, key, signal);
    if (holder && this.table.compiled(holder)?.canonical === canonical) {
      throw new ConflictError(`what ${quote(route.spec.pattern)} matches was taken at this moment`);
    }
    const revision = holder?.metadata.revision ?? 0n;
    return { writes, guards: [{ guard: 'object', kind: routes, key, revision }] };
  }

  #claim(canonical: string, signal: AbortSignal): Promise<RouteClaim | undefined> {
    return this.context.store.get(routeClaims, { formation: '', name: claimName(canonical) }, signal);
  }
}

function writesOf({ before, after }: RouteEdit): Write[] {
  if (after) return [{ op: before ? 'update' : 'create', kind: routes, object: after.route }];
  if (!before) return [];
  const { formation, name, revision } = before.metadata;
  return [{ op: 'delete', kind: routes, key: { formation, name }, revision }];
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
