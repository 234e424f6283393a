import { draftPattern, toPattern } from '../routing/pattern';
import type { CompiledRoute, Pattern } from '../routing/types';
import { expressionOf } from './capture';

/** Whether a route takes requests of a class of hosts: all, none, or those whose host turns out to match. */
export type Relation = 'all' | 'some' | 'none';

/** Of all hosts that no route names. */
export const ANY = '*any';

/** Hosts for which the same routes come into question. */
export interface HostClass {
  /** A host that a route names is a class by itself; the others begin with what no host does. */
  readonly id: string;
  relation(route: CompiledRoute): Relation;
}

export interface HostClasses {
  readonly exact: ReadonlyMap<string, HostClass>;
  /** By what is behind the first label: `*.api.myapp.com`. */
  readonly wildcards: ReadonlyMap<string, HostClass>;
  /** Tried in their order. */
  readonly expressions: readonly { readonly regex: string; readonly to: HostClass }[];
  /** Of all other hosts. */
  readonly any: HostClass;
}

/**
 * A host is looked up exactly, then by what is behind its first label, then by expression. What a class is, is decided
 * by the first that fits, so a class knows what its hosts are not.
 */
export function hostClasses(ordered: readonly CompiledRoute[]): HostClasses {
  const hosts = new Map<string, Pattern>();
  for (const { host } of ordered) if (host) hosts.set(host.regex, host);
  const exact = new Map<string, HostClass>();
  const wildcards = new Map<string, HostClass>();
  const rest: Pattern[] = [];
  for (const host of hosts.values()) {
    const suffix = wildcardOf(host);
    if (host.exact) exact.set(host.prefix, exactClass(host.prefix));
    else if (suffix !== undefined) wildcards.set(suffix, wildcardClass(`*w${wildcards.size}`, suffix));
    else rest.push(host);
  }
  const expressions = rest.map((host, index) => {
    const earlier = new Set(rest.slice(0, index).map(({ regex }) => regex));
    const to = expressionClass(`*e${index}`, host.regex, earlier);
    return { regex: `^${expressionOf(host, [])}$`, to };
  });
  return {
    exact,
    wildcards,
    expressions,
    any: { id: ANY, relation: ({ host }) => (host ? 'none' : 'all') },
  };
}

function exactClass(name: string): HostClass {
  return {
    id: name,
    relation: ({ host }) => (!host || new RegExp(host.regex).test(name) ? 'all' : 'none'),
  };
}

function wildcardClass(id: string, suffix: string): HostClass {
  return {
    id,
    relation: ({ host }) => {
      if (!host) return 'all';
      if (host.exact) return 'none';
      const other = wildcardOf(host);
      if (other !== undefined) return other === suffix ? 'all' : 'none';
      return 'some';
    },
  };
}

function expressionClass(id: string, regex: string, earlier: ReadonlySet<string>): HostClass {
  return {
    id,
    relation: ({ host }) => {
      if (!host || host.regex === regex) return 'all';
      return host.exact || wildcardOf(host) !== undefined || earlier.has(host.regex) ? 'none' : 'some';
    },
  };
}

const sample = draftPattern('{label}.host/').host;
const [label] = sample ? toPattern(sample, false).parts : [];

/** `*.api.myapp.com` of `{acct}.api.myapp.com`: what is not written so is an expression. */
function wildcardOf({ parts }: Pattern): string | undefined {
  const [first, second, third] = parts;
  if (first?.kind !== 'variable' || second?.kind !== 'text' || third) return undefined;
  if (label?.kind !== 'variable' || first.regex !== label.regex) return undefined;
  return second.text.startsWith('.') ? `*${second.text}` : undefined;
}
