import { isLabel, isServiceName, quote } from '../resource/names';
import { hasQuery } from './redirect';
import { normaliseHost, refusePath, refuseRequest } from './request';
import { expandTemplate } from './template';
import type { CompiledRoute, Pattern, RouteMatch, RouteRequest, ValueTest } from './types';

// Compiled once each, and bounded: those that are needed are made again.
const regexes = new Map<string, RegExp>();
const MAX_REGEXES = 10_000;

/**
 * Which of the routes, in their order, takes the request, and what becomes of it. Undefined where none does, and for a
 * request that is refused whatever the routes are (refuseRequest).
 */
export function matchRequest(
  ordered: readonly CompiledRoute[],
  request: RouteRequest,
): RouteMatch | undefined {
  if (refuseRequest(request) !== undefined) return undefined;
  const host = normaliseHost(request.host);
  for (const compiled of ordered) {
    const variables = variablesIn(compiled, host, request.path);
    if (variables && !unmetCondition(compiled, request)) return outcome(compiled, variables, request);
  }
  return undefined;
}

function variablesIn(
  { host: wanted, path }: CompiledRoute,
  host: string,
  requested: string,
): Readonly<Record<string, string>> | undefined {
  if (!requested.startsWith(path.prefix)) return undefined;
  const ofHost = wanted ? capture(wanted, host) : {};
  const ofPath = ofHost && capture(path, requested);
  return ofPath && { ...ofHost, ...ofPath };
}

function capture(pattern: Pattern, text: string): Record<string, string> | undefined {
  if (pattern.exact) return text === pattern.prefix ? {} : undefined;
  const found = regexOf(pattern.regex).exec(text);
  if (!found) return undefined;
  return Object.fromEntries(pattern.variables.map((name, index) => [name, found[index + 1] ?? '']));
}

/** Whether the route is for the host, as normaliseHost gives it. */
export function matchesHost({ host: wanted }: CompiledRoute, host: string): boolean {
  return !wanted || capture(wanted, host) !== undefined;
}

export function matchesPath({ path: wanted }: CompiledRoute, path: string): boolean {
  return capture(wanted, path) !== undefined;
}

/** The first of the route's conditions besides host and path that the request does not meet. */
export function unmetCondition(
  { route, headers, query }: CompiledRoute,
  request: RouteRequest,
): { readonly kind: 'method' | 'header' | 'query'; readonly name: string } | undefined {
  const { methods } = route.spec;
  if (methods.length > 0 && !methods.includes(request.method))
    return { kind: 'method', name: request.method };
  const header = headers.find((test) => !passes(test, request.headers));
  if (header) return { kind: 'header', name: header.name };
  const parameter = query.find(({ regex, found }) => regexOf(regex).test(request.query ?? '') !== found);
  return parameter && { kind: 'query', name: parameter.name };
}

function passes(test: ValueTest, headers: RouteRequest['headers']): boolean {
  const value = Object.hasOwn(headers, test.name) ? headers[test.name] : undefined;
  switch (test.kind) {
    case 'present':
      return (value !== undefined) === test.present;
    case 'value':
      return value === test.value;
    case 'regex':
      return value !== undefined && regexOf(test.regex).test(value);
  }
}

function outcome(
  compiled: CompiledRoute,
  variables: Readonly<Record<string, string>>,
  request: RouteRequest,
): RouteMatch {
  const { target, redirect } = compiled;
  const refused = (status: 400 | 404, reason: string): RouteMatch => {
    return { compiled, variables, refusal: { status, reason } };
  };
  const query = request.query === undefined ? '' : `?${request.query}`;
  if (redirect) {
    const expanded = expandTemplate(redirect.location, variables);
    // To a browser `//host` is another host: no path that somebody sends may lead there.
    if (/^\/[/\\]/.test(expanded))
      return refused(400, `the location ${quote(expanded)} would lead to another host`);
    return { compiled, variables, location: hasQuery(redirect.location) ? expanded : `${expanded}${query}` };
  }
  if (!target) return refused(404, 'the route leads nowhere');
  const service = expandTemplate(target.service, variables);
  const formation = expandTemplate(target.formation, variables);
  if (!isServiceName(service) || !isLabel(formation)) {
    return refused(404, `no service can be called ${quote(`${service}.${formation}.service`)}`);
  }
  const path = target.path ? expandTemplate(target.path, variables) : request.path;
  const why = target.path && refusePath(path);
  if (why) return refused(400, `rewritten to ${quote(path)}: ${why}`);
  const { instance, release } = target;
  return {
    compiled,
    variables,
    upstream: {
      service,
      formation,
      ...(instance !== undefined && { instance }),
      ...(release !== undefined && { release }),
      path: `${path}${query}`,
    },
  };
}

function regexOf(text: string): RegExp {
  const known = regexes.get(text);
  if (known) return known;
  if (regexes.size >= MAX_REGEXES) regexes.clear();
  const made = new RegExp(text);
  regexes.set(text, made);
  return made;
}
