import type { CompiledRoute, Template } from '../routing/types';
import { expressionOf, groupsOf, variablesOf } from './capture';
import type { Condition } from './conditions';
import { Conditions } from './conditions';
import { backendName, nowhere } from './goals';
import type { HostClass } from './host-classes';
import { hostClasses } from './host-classes';
import { keyOf } from './look-up';
import type { Reach } from './reach';
import { markedLast, markedPath, reachOf } from './reach';

/** Routes to be tried one after the other. */
export interface Group {
  /** `@3.17`: the shard, and the group's number. */
  readonly id: string;
  readonly shard: number;
  /** Expressions over `<group> <method> <host> <path> <conditions>`, and where they lead to. */
  readonly candidates: readonly { readonly regex: string; readonly to: string }[];
}

/**
 * How a request finds its route. The host names a class; class and path name a node, exactly or else by the longest
 * beginning. A node is a goal, or a group in which expressions decide. A group holds whatever could match there, of
 * shorter prefixes and less specific hosts too: so the order of the routes alone says who wins.
 *
 * A goal is who answers, and for which route: see goalOf.
 */
export interface MatchTable {
  readonly hosts: ReadonlyMap<string, string>;
  /** By what is behind the first label: `*.api.myapp.com`. */
  readonly wildcards: ReadonlyMap<string, string>;
  /** Tried in their order. */
  readonly expressions: readonly { readonly regex: string; readonly to: string }[];
  /** Beginnings of keys to node: see keyOf and markedPath. */
  readonly prefixes: ReadonlyMap<string, string>;
  /** `<node>|<method>` to goal, of nodes that begin with `~`: where nothing else decides. */
  readonly choices: ReadonlyMap<string, string>;
  /** Those that any route names: the others are all the same. */
  readonly methods: readonly string[];
  readonly groups: readonly Group[];
  readonly shards: number;
  readonly conditions: readonly Condition[];
  /** Routes that requests get to without their path having been looked at to its end: their backends do. */
  readonly unverified: ReadonlySet<string>;
}

/** What stands for any method that no route names. */
export const OTHERS = '*';

/** Between a route with variables in its service, and the service that they make. */
export const EXPANDS = '=>';

// More shards mean more rules for every request, fewer mean more expressions for those that need one.
const perShard = 24;
const maxShards = 24;

/** A route at a node, and what of the request is still to be looked at there. */
interface Candidate {
  readonly route: CompiledRoute;
  readonly host: boolean;
  readonly path: boolean;
}

type Node = string | { readonly candidates: readonly Candidate[] };

/** Builds the table of routes that are given most specific first. */
export function buildMatchTable(
  ordered: readonly CompiledRoute[],
  goalOf: (route: CompiledRoute) => string,
): MatchTable {
  const classes = hostClasses(ordered);
  const methods = [...new Set(ordered.flatMap(({ route }) => route.spec.methods))];
  const nodes = new Nodes(methods, goalOf);
  const prefixes = new Map<string, Node>();
  const every = [
    ...classes.exact.values(),
    ...classes.wildcards.values(),
    ...classes.expressions.map(({ to }) => to),
    classes.any,
  ];
  for (const one of every) {
    const routes = ordered.flatMap((route) => {
      const relation = one.relation(route);
      return relation === 'none' ? [] : [{ route, host: relation === 'some' }];
    });
    addClass(one, routes, nodes, prefixes);
  }
  const { groups, shards, idOf, conditions } = nodes.finish();
  const ids = (map: ReadonlyMap<string, Node>) => new Map([...map].map(([key, node]) => [key, idOf(node)]));
  const classIds = (map: ReadonlyMap<string, HostClass>) =>
    new Map([...map].map(([key, { id }]) => [key, id]));
  return {
    hosts: classIds(classes.exact),
    wildcards: classIds(classes.wildcards),
    expressions: classes.expressions.map(({ regex, to }) => ({ regex, to: to.id })),
    prefixes: ids(prefixes),
    choices: nodes.choices,
    methods,
    groups,
    shards,
    conditions,
    unverified: nodes.unverified,
  };
}

function addClass(
  { id }: HostClass,
  routes: readonly { readonly route: CompiledRoute; readonly host: boolean }[],
  nodes: Nodes,
  into: Map<string, Node>,
): void {
  const paths = routes.map(({ route }) => route.path);
  for (const path of new Set(paths.filter((one) => one.exact).map(({ prefix }) => prefix))) {
    const here = routes.filter(({ route }) => matches(route, path));
    into.set(keyOf(id, markedPath(path)), nodes.node(here.map((one) => ({ ...one, path: false }))));
  }
  const open = routes.filter(({ route }) => !route.path.exact);
  for (const prefix of new Set(open.map(({ route }) => route.path.prefix))) {
    const here = open
      .filter(({ route }) => prefix.startsWith(route.path.prefix))
      .map((one) => ({ ...one, reach: reachOf(prefix, one.route) }));
    const below = (...certain: Reach[]) =>
      here
        .filter(({ reach }) => reach === 'unknown' || certain.includes(reach))
        .map((one): Candidate => ({ ...one, path: one.reach === 'unknown' }));
    const [all, segment] = [below('all'), below('all', 'segment')];
    const node = all.length > 0 ? nodes.node(all) : nowhere;
    into.set(keyOf(id, prefix), node);
    if (segment.length > 0) into.set(keyOf(id, markedLast(prefix)), nodes.node(segment));
    // Behind the last slash an empty segment is marked, too, and is none.
    const itself = keyOf(id, markedPath(prefix));
    if (prefix.endsWith('/') && segment.length > all.length && !into.has(itself)) into.set(itself, node);
  }
  // That a host has no route for a path is known at once, too.
  for (const key of [keyOf(id, '/'), keyOf(id, markedLast('/'))]) if (!into.has(key)) into.set(key, nowhere);
}

function matches(route: CompiledRoute, path: string): boolean {
  if (route.path.exact) return route.path.prefix === path;
  return path.startsWith(route.path.prefix) && new RegExp(route.path.regex).test(path);
}

class Nodes {
  readonly unverified = new Set<string>();
  readonly choices = new Map<string, string>();
  #choosing = 0;
  readonly #drafts = new Map<string, { readonly candidates: readonly Candidate[] }>();

  constructor(
    private readonly methods: readonly string[],
    private readonly goalOf: (route: CompiledRoute) => string,
  ) {}

  /** The node of candidates in their order: those behind one that always matches are none. */
  node(all: readonly Candidate[]): Node {
    const last = all.findIndex((one) => !one.path && isPlain(one));
    const candidates = last < 0 ? all : all.slice(0, last + 1);
    const [only] = candidates;
    if (candidates.length === 1 && only && isPlain(only) && !expandsService(only.route)) {
      if (only.path) this.unverified.add(only.route.id);
      return this.goalOf(only.route);
    }
    if (candidates.every(isSimple)) return this.#choice(candidates.map(({ route }) => route));
    const key = candidates.map(({ route, host, path }) => `${route.id}${host ? 1 : 0}${path ? 1 : 0}`).join();
    const draft = this.#drafts.get(key) ?? { candidates };
    this.#drafts.set(key, draft);
    return draft;
  }

  finish() {
    const drafts = [...this.#drafts.values()];
    const count = drafts.reduce((sum, { candidates }) => sum + candidates.length, 0);
    const shards = Math.min(maxShards, Math.ceil(count / perShard));
    const load = new Array<number>(shards).fill(0);
    const conditions = new Conditions();
    const ids = new Map<Node, string>();
    const groups = drafts.map((draft, index): Group => {
      const shard = load.indexOf(Math.min(...load));
      load[shard] = (load[shard] ?? 0) + draft.candidates.length;
      const id = `@${shard}.${index}`;
      ids.set(draft, id);
      const candidates = draft.candidates.map((one) => ({
        regex: regexOf(id, one, conditions),
        to: expandsService(one.route) ? destination(one.route) : this.goalOf(one.route),
      }));
      return { id, shard, candidates };
    });
    const idOf = (node: Node) => (typeof node === 'string' ? node : (ids.get(node) as string));
    return { groups, shards, idOf, conditions: conditions.all };
  }

  /** A node at which the method decides. */
  #choice(routes: readonly CompiledRoute[]): string {
    const id = `~${this.#choosing++}`;
    for (const method of [...this.methods, OTHERS]) {
      const first = routes.find(({ route: { spec } }) => {
        return spec.methods.length === 0 || spec.methods.includes(method);
      });
      if (first) this.choices.set(`${id}|${method}`, this.goalOf(first));
    }
    return id;
  }
}

/** Whether nothing but the method is looked at. */
function isSimple({ route, host, path }: Candidate): boolean {
  return !host && !path && route.headers.length === 0 && route.query.length === 0 && !expandsService(route);
}

/** Whether nothing but host and path is looked at, and the host needs not be. */
function isPlain({ route, host }: Candidate): boolean {
  return (
    !host && route.route.spec.methods.length === 0 && route.headers.length === 0 && route.query.length === 0
  );
}

export function expandsService({ target }: CompiledRoute): boolean {
  return target !== undefined && nameVariables(target.service, target.formation).length > 0;
}

function regexOf(group: string, { route, host, path }: Candidate, conditions: Conditions): string {
  const { target } = route;
  const names = target ? nameVariables(target.service, target.formation) : [];
  const { methods } = route.route.spec;
  const blank = '\\x20';
  const hostRegex = route.host && (host || names.length > 0) ? expressionOf(route.host, names) : '[^ ]*';
  const pathRegex = path || names.length > 0 ? expressionOf(route.path, names) : '[^ ]*';
  const methodRegex = methods.length > 0 ? `(?:${methods.join('|')})` : '[^ ]*';
  const parts = [group.replace('.', '[.]'), methodRegex, hostRegex, pathRegex, conditions.regexOf(route)];
  return `^${parts.join(blank)}$`;
}

/** Of a route whose service is made of the request. */
function destination(route: CompiledRoute): string {
  const { service, formation } = route.target as NonNullable<CompiledRoute['target']>;
  const numbers =
    groupsOf(route, nameVariables(service, formation), '')?.numberOf ?? new Map<string, number>();
  const expand = (template: Template) =>
    template
      .map((piece) => (piece.kind === 'text' ? piece.text : `\\${numbers.get(piece.name) ?? ''}`))
      .join('');
  return `${backendName(route)}${EXPANDS}${expand(service)}.${expand(formation)}`;
}

function nameVariables(service: Template, formation: Template): string[] {
  return [...variablesOf(service), ...variablesOf(formation)];
}
