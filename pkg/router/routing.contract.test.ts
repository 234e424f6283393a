import { parseServiceName } from '../registry/service-name';
import { compileRoute } from '../routing/compile';
import { compareRoutes } from '../routing/order';
import type { RoutingCase } from '../testing/routing-cases';
import { routingFiles } from '../testing/routing-cases';
import { backendName } from './goals';
import { RouterHarness, until, Upstream, type Answer, type Seen } from './testing';

jest.setTimeout(60_000);

// What pkg/routing says of its own tables, HAProxy has to do.
describe.each(routingFiles())('$name', ({ routes, cases }) => {
  const harness = new RouterHarness(routes);
  const upstreams = new Map<string, Upstream>();

  beforeAll(async () => {
    await harness.start();
    for (const { expect: wanted } of cases) {
      const name = parseServiceName(wanted.service ?? '');
      if (!wanted.service || !name || upstreams.has(wanted.service)) continue;
      const upstream = await Upstream.start(wanted.service);
      upstreams.set(wanted.service, upstream);
      const instance = name.instance ?? String(100 + upstreams.size);
      await harness.announce(`${name.formation}/${name.service}.${instance}`, upstream, name.release ?? 'v1');
    }
  });

  afterAll(async () => {
    await harness.stop();
    for (const upstream of upstreams.values()) upstream.close();
  });

  test.each(cases.map((each) => [describeCase(each), each] as const))('%s', async (_, each) => {
    const { method, host, path, query, headers } = each.request;
    const before = harness.log().length;
    const answer = await harness.get(
      query === undefined ? path : `${path}?${query}`,
      { ...headers, host },
      method,
    );
    // Whatever becomes of it: or the next one would be taken for it.
    await until('it is logged', () => harness.log().length > before);
    const { route, service, path: upstreamPath, location, status } = each.expect;
    expect(outcome(answer)).toEqual({
      ...(status === undefined ? { status: 200 } : { status }),
      ...(location !== undefined && { location }),
      ...(upstreamPath !== undefined && method !== 'HEAD' && { path: upstreamPath }),
    });
    if (service !== undefined && upstreamPath !== undefined && method !== 'HEAD') {
      const seen = JSON.parse(answer.body) as Seen;
      expect(covers(seen.upstream, service)).toBe(true);
      expect(harness.log()[before]).toMatchObject({ route: backendName({ id: route ?? '' }) });
    }
  });
});

function describeCase({ says, request }: RoutingCase): string {
  return says ?? `${request.method} ${request.host} ${request.path}`;
}

function outcome({ status, headers, body }: Answer): Record<string, unknown> {
  const seen = status === 200 && body !== '' ? (JSON.parse(body) as Seen) : undefined;
  return {
    status,
    ...(headers.location !== undefined && { location: headers.location }),
    ...(seen && { path: seen.url }),
  };
}

/** Whether the upstream is one of those that the name stands for. */
function covers(upstream: string, name: string): boolean {
  const [a, b] = [parseServiceName(upstream), parseServiceName(name)];
  return (
    a?.service === b?.service &&
    a?.formation === b?.formation &&
    (!b?.release || a?.release === b.release) &&
    (!b?.instance || a?.instance === b.instance)
  );
}

test('every table has an order', () => {
  for (const { routes } of routingFiles()) {
    const compiled = routes.map(compileRoute).sort(compareRoutes);
    expect(new Set(compiled.map(({ id }) => id)).size).toBe(routes.length);
  }
});
