import type { Route } from '../../../pkg/gen/gilliam/v1/route';
import type { TestRouteResponse } from '../../../pkg/gen/gilliam/v1/route_service';
import { UsageError } from './errors';
import type { RouteFlags } from './route-flags';
import { parseHeader } from './value-match';

export interface TestedRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The request that `gilliam route --test` is about. Throws UsageError. */
export function testedRequest(text: string, flags: Pick<RouteFlags, 'method' | 'header'>): TestedRequest {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!/^https?:\/\/[^/?#\s]+/i.test(url) || !URL.canParse(url))
    throw new UsageError(`${JSON.stringify(text)} is not a URL: write --test http://myapp.com/user/ada`);
  const [method = 'GET', ...more] = flags.method ?? [];
  if (more.length > 0) throw new UsageError('a request has one method: give --method once with --test');
  const headers = (flags.header ?? []).map((header) => parseHeader('header', header));
  return {
    url,
    method: method.toUpperCase(),
    headers: Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value])),
  };
}

/** What becomes of it, for people. */
export function testLines({ method }: TestedRequest, answer: TestRouteResponse): string[] {
  const { route, variables, service, path, location } = answer;
  const upstream = service === '' ? [] : [`upstream: ${method} ${path} to ${service}`];
  const weights = (route?.spec?.weights ?? []).map(({ release, weight }) => `${release}=${weight}`);
  const redirect = location === '' ? [] : [`redirect: ${route?.spec?.redirect?.code || 302} ${location}`];
  return [
    `route: ${idOf(route)} (${route?.spec?.pattern ?? ''})`,
    ...Object.entries(variables).map(([name, value]) => `variable: ${name} = ${value}`),
    ...upstream,
    ...(service === '' || weights.length === 0 ? [] : [`weights: ${weights.join(' ')}`]),
    ...redirect,
  ];
}

function idOf(route: Route | undefined): string {
  return `${route?.metadata?.formation ?? ''}/${route?.metadata?.name ?? ''}`;
}
