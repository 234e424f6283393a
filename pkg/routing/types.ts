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
  /** Anchored on both sides, one group a variable, in their order; the same to JavaScript and to PCRE. */
  readonly regex: string;
  /** The groups' names, in their order. */
  readonly variables: readonly string[];
  /** The text before the first variable: whatever matches begins with it. All of it where `exact`. */
  readonly prefix: string;
  /** Without variables, and of a path not ending in `/`: only `prefix` itself matches. */
  readonly exact: boolean;
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
  /** Two routes with one canonical form match exactly the same requests. */
  readonly canonical: string;
}

export interface RouteRequest {
  /** Upper-case. */
  readonly method: string;
  /** Without a port. */
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
  /** Absent for a redirect. */
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
}
