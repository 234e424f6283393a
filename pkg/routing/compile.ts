import type { RouteSpec } from '../gen/gilliam/v1/route';
import type { Route } from '../resource/objects';
import { Violations } from '../resource/violations';
import { SyntaxFault } from './expression';
import { compileChanges } from './header-edits';
import { checkOptions } from './options';
import { draftPattern, REST, toPattern, type Draft } from './pattern';
import { DEFAULT_REDIRECT, parseLocation, redirectCodes } from './redirect';
import { parseTarget } from './target';
import { variablesOf } from './template';
import type { CompiledRoute, QueryTest, Target, Template, ValueTest } from './types';
import { compileHeaders, compileQuery } from './value-tests';

/** Understands a route, all of it. Throws InvalidError with all that is wrong, the column in each text named. */
export function compileRoute(route: Route): CompiledRoute {
  const { spec, metadata } = route;
  const found = new Violations();
  const draft = located('pattern', found, () => draftPattern(spec.pattern));
  const target = draft && spec.target !== '' ? compileTarget(spec, draft, found) : undefined;
  const redirect = draft && spec.redirect ? compileRedirect(spec.redirect, draft, found) : undefined;
  if (spec.redirect ? spec.target !== '' : spec.target === '') {
    found.add(
      'route.spec.target',
      spec.redirect
        ? 'a redirect leads to its location: leave the target out'
        : 'the target is missing: give it as service.formation.service/path, or a redirect',
    );
  }
  checkOptions(spec, spec.redirect ? undefined : target, found);
  const variables = draft ? namesOf(draft) : [];
  const headers = compileHeaders(spec.headers, found);
  const query = compileQuery(spec.query, found);
  const requestHeaders = compileChanges(spec.requestHeaders, 'request', variables, found);
  const responseHeaders = compileChanges(spec.responseHeaders, 'response', variables, found);
  if (spec.tls && draft && !draft.host) {
    found.add('route.spec.tls', 'a certificate is for a host, and the pattern has none: write it there');
  }
  found.throwIfAny();
  const { host, path } = draft as Drafted;
  const used: Template = [...(target?.path ?? []), ...(redirect?.location ?? [])];
  return {
    id: `${metadata.formation}/${metadata.name}`,
    route,
    ...(host && { host: toPattern(host, false) }),
    path: toPattern(path, variablesOf(used).includes(REST)),
    ...(target && { target }),
    ...(redirect && { redirect }),
    headers,
    query,
    requestHeaders,
    responseHeaders,
    canonical: canonicalOf(draft as Drafted, spec.methods, headers, query),
  };
}

interface Drafted {
  readonly host?: Draft;
  readonly path: Draft;
}

function compileTarget(spec: RouteSpec, draft: Drafted, found: Violations): Target | undefined {
  return located('target', found, () => parseTarget(spec.target, namesOf(draft), draft.path.open));
}

function compileRedirect(
  { location, code }: NonNullable<RouteSpec['redirect']>,
  { host, path }: Drafted,
  found: Violations,
): { location: Template; code: number } | undefined {
  found.require(code === 0 || redirectCodes.includes(code), 'route.spec.redirect.code', () => {
    return `${code} is no code of a redirect: use ${redirectCodes.join(', ')}`;
  });
  const template = located('redirect.location', found, () =>
    parseLocation(location, { host: host ? namesIn(host) : [], path: namesIn(path), open: path.open }),
  );
  return template && { location: template, code: code || DEFAULT_REDIRECT };
}

/** What the parser gives, or a violation with the column of what it does not take. */
function located<T>(field: string, found: Violations, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    found.add(`route.spec.${field}`, `${field}, column ${error.column}: ${error.message}`);
    return undefined;
  }
}

function namesOf({ host, path }: Drafted): readonly string[] {
  return [...(host ? namesIn(host) : []), ...namesIn(path)];
}

function namesIn({ parts }: Draft): readonly string[] {
  return parts.flatMap((part) => (part.kind === 'variable' ? [part.name] : []));
}

function canonicalOf(
  { host, path }: Drafted,
  methods: readonly string[],
  headers: readonly ValueTest[],
  query: readonly QueryTest[],
): string {
  const sorted = (tests: readonly unknown[]) =>
    [...new Set(tests.map((test) => JSON.stringify(test)))].sort();
  return JSON.stringify([
    host?.canonical ?? null,
    path.canonical,
    methods.toSorted(),
    sorted(headers),
    sorted(query),
  ]);
}
