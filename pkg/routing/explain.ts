import { distance } from 'fastest-levenshtein';
import { quote } from '../resource/names';
import { matchesHost, matchesPath, unmetCondition } from './match';
import { normaliseHost, refuseRequest } from './request';
import type { CompiledRoute, Pattern, RouteRequest } from './types';

export interface Explanation {
  /** Why no route takes the request, in one line. */
  readonly reason: string;
  /** The hosts or paths that there are routes for, the most similar first. */
  readonly nearest: readonly string[];
}

const MAX_NEAREST = 3;

/** Why none of the routes takes the request. */
export function explainMiss(ordered: readonly CompiledRoute[], request: RouteRequest): Explanation {
  const refused = refuseRequest(request);
  if (refused !== undefined)
    return { reason: `the router refuses the request with 400: ${refused}`, nearest: [] };
  if (ordered.length === 0) return { reason: 'there are no routes', nearest: [] };
  const host = normaliseHost(request.host);
  const ofHost = ordered.filter((route) => matchesHost(route, host));
  if (ofHost.length === 0) {
    const hosts = ordered.flatMap((route) =>
      route.host ? [{ text: splitPattern(route).host, pattern: route.host }] : [],
    );
    return { reason: `no route is for the host ${quote(host)}`, nearest: mostSimilar(host, hosts) };
  }
  const ofPath = ofHost.filter((route) => matchesPath(route, request.path)).slice(0, MAX_NEAREST);
  if (ofPath.length === 0) {
    return {
      reason: `no route of the host ${quote(host)} is for the path ${quote(request.path)}`,
      nearest: mostSimilar(
        request.path,
        ofHost.map((route) => ({ text: splitPattern(route).path, pattern: route.path })),
      ),
    };
  }
  return {
    reason: ofPath.map((route) => `${route.id} does not take it: ${conditionOf(route, request)}`).join('; '),
    nearest: [],
  };
}

function conditionOf(route: CompiledRoute, request: RouteRequest): string {
  const failed = unmetCondition(route, request);
  switch (failed?.kind) {
    case 'method':
      return `its methods are ${route.route.spec.methods.join(', ')}`;
    case 'header':
      return `the header ${failed.name} does not match`;
    case 'query':
      return `the query parameter ${failed.name} does not match`;
    case undefined:
      return 'it matches';
  }
}

/** As the pattern is written: its host, and its path with the first slash. */
function splitPattern({ route, host }: CompiledRoute): { host: string; path: string } {
  const { pattern } = route.spec;
  if (!host) return { host: '', path: pattern };
  // An expression of the host has no slash, as no host has one.
  const at = pattern.indexOf('/');
  return at < 0 ? { host: pattern, path: '/' } : { host: pattern.slice(0, at), path: pattern.slice(at) };
}

function mostSimilar(
  wanted: string,
  known: readonly { readonly text: string; readonly pattern: Pattern }[],
): readonly string[] {
  const short = wanted.slice(0, 256);
  const ranked = known
    .map(({ text, pattern }) => ({ text, away: distanceTo(pattern, short) }))
    .sort((left, right) => left.away - right.away || (left.text < right.text ? -1 : 1));
  return [...new Set(ranked.map(({ text }) => text))].slice(0, MAX_NEAREST);
}

/** How many characters are different. Of a pattern with variables the text before them counts, or else that behind. */
function distanceTo({ exact, parts, prefix }: Pattern, wanted: string): number {
  if (exact) return distance(wanted, prefix);
  const last = parts.at(-1);
  if (prefix !== '') return distance(wanted.slice(0, prefix.length), prefix);
  return last?.kind === 'text' ? distance(wanted.slice(-last.text.length), last.text) : wanted.length;
}
