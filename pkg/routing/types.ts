import type { Route } from '../resource/objects';

/** A piece of a pattern: text that must be there, or a variable that takes what its expression matches. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string; readonly regex: string };

/** A piece of what is made of a match. */
export type Piece =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'variable'; readonly name: string };

export type Template = readonly Piece[];

/** A part of a request that is matched: a host, or a path. */
export interface Pattern {
  readonly parts: readonly Part[];
  /**
   * Anchored on both sides, one group a variable, in their order; the same to JavaScript and to PCRE. Without control
   * characters.
   */
  readonly regex: string;
  /** The groups' names, in their order. `_rest` stands for what is below a path that ends in `/`, where it is asked for. */
  readonly variables: readonly string[];
  /** The text before the first variable: whatever matches begins with it. All of it where `exact`. */
  readonly prefix: string;
  /** Without variables, and of a path not ending in `/`: only `prefix` itself matches. */
  readonly exact: boolean;
  /** How far it goes: no further than its own segments or labels, as far as a variable takes it, or to all below. */
  readonly reach: 'own' | 'variable' | 'below';
}

/** Where a matching request goes. */
export interface Target {
  readonly service: Template;
  readonly formation: Template;
  /** `1` or `v2`, where the target names an instance or a release. */
  readonly instance?: string;
  readonly release?: string;
  /** Absent: the request's own path. */
  readonly path?: Template;
}

/** What a header must be: that of the name which came last, where there are several. */
export type ValueTest =
  | { readonly kind: 'value'; readonly name: string; readonly value: string }
  /** Anchored on both sides; the same to JavaScript and to PCRE. */
  | { readonly kind: 'regex'; readonly name: string; readonly regex: string }
  /** There at all, or not. */
  | { readonly kind: 'present'; readonly name: string; readonly present: boolean };

/** What must, or must not, be found in a request's query, wherever in it. The same to JavaScript and to PCRE. */
export interface QueryTest {
  readonly name: string;
  readonly regex: string;
  readonly found: boolean;
}

/** What is done to a header on its way. */
export type HeaderEdit =
  | { readonly action: 'set' | 'add'; readonly name: string; readonly value: Template }
  | { readonly action: 'remove'; readonly name: string };

/** A route, understood: nothing in it can fail any more. */
export interface CompiledRoute {
  /** `<formation>/<name>`: unique in the stage. */
  readonly id: string;
  readonly route: Route;
  /** In lower case, without a port; absent for any host. */
  readonly host?: Pattern;
  readonly path: Pattern;
  readonly target?: Target;
  readonly redirect?: { readonly location: Template; readonly code: number };
  /** By lower-case names. */
  readonly headers: readonly ValueTest[];
  readonly query: readonly QueryTest[];
  readonly requestHeaders: readonly HeaderEdit[];
  readonly responseHeaders: readonly HeaderEdit[];
  /** Two routes with one canonical form match exactly the same requests. */
  readonly canonical: string;
}

export interface RouteRequest {
  /** As it was sent: methods tell upper case from lower case. */
  readonly method: string;
  /** In any case, with or without a port. */
  readonly host: string;
  /** Begins with `/`; as it was sent, not decoded. */
  readonly path: string;
  /** Without `?`; absent where there is none. */
  readonly query?: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What becomes of a request. */
export interface RouteMatch {
  readonly compiled: CompiledRoute;
  readonly variables: Readonly<Record<string, string>>;
  /** Absent for a redirect, and where there is a refusal. */
  readonly upstream?: {
    readonly service: string;
    readonly formation: string;
    readonly instance?: string;
    readonly release?: string;
    /** Path and query. */
    readonly path: string;
  };
  /** Of a redirect. */
  readonly location?: string;
  /**
   * What the variables made of the route leads nowhere: 404 where no service can have such a name, 400 where the
   * rewritten path or location would mean something else than the route says.
   */
  readonly refusal?: { readonly status: 400 | 404; readonly reason: string };
}
