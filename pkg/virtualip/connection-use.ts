import type { TrafficKey } from '../metrics/traffic-counters';
import { parseServiceName } from '../registry/service-name';
import type { Entry, RegistryView, ServiceName } from '../registry/types';
import type { OpenConnections } from './connections';
import { allTargetsOf, targetKey, type Viewpoint } from './services-of';

/** What the kernel says of connections through virtual addresses. */
export interface SeenConnections {
  /** How many were made, or tried, since it was last asked, by virtual address. */
  readonly made: ReadonlyMap<string, number>;
  /** Those that are open now. */
  readonly open: readonly OpenConnections[];
}

/** Of one release of a service. */
export interface ConnectionUse extends TrafficKey {
  readonly made: number;
  readonly open: number;
}

export interface UseView {
  readonly registry: Pick<RegistryView, 'lookup'>;
  readonly viewpoint: Viewpoint;
  /** Which name has a virtual address. */
  readonly nameOf: (virtual: string) => string | undefined;
}

/**
 * Whose connections these are. Of an open one the endpoint says which release has it; one whose endpoint is not announced
 * any more counts for nobody, since its other end may be gone without a word. Of those that were made only the name is
 * known: where that stands for several releases, nobody knows whose they are, and the release is left empty.
 */
export function connectionUse({ made, open }: SeenConnections, view: UseView): ConnectionUse[] {
  const uses = new Map<string, ConnectionUse>();
  const add = (
    name: ServiceName,
    release: string,
    more: { readonly made: number; readonly open: number },
  ) => {
    const of = { formation: name.formation, service: name.service, release };
    const key = `${of.formation}/${of.service}/${release}`;
    const before = uses.get(key) ?? { ...of, made: 0, open: 0 };
    uses.set(key, { ...before, made: before.made + more.made, open: before.open + more.open });
  };
  for (const [virtual, count] of made) {
    const { name, entries } = behind(virtual, view) ?? {};
    if (name && count > 0) add(name, name.release ?? onlyReleaseOf(entries ?? []), { made: count, open: 0 });
  }
  for (const [virtual, connections] of byVirtual(open)) {
    const { name, entries } = behind(virtual, view) ?? {};
    if (!name || !entries) continue;
    const releases = releasesByTarget(entries, view.viewpoint);
    for (const { target, count } of connections) {
      const release = releases.get(target);
      if (release !== undefined) add(name, release, { made: 0, open: count });
    }
  }
  return [...uses.values()];
}

function behind(virtual: string, { registry, nameOf }: UseView) {
  const name = parseServiceName(nameOf(virtual) ?? '');
  return name && { name, entries: registry.lookup(name) };
}

function byVirtual(open: readonly OpenConnections[]): ReadonlyMap<string, readonly OpenConnections[]> {
  const grouped = new Map<string, OpenConnections[]>();
  for (const one of open) {
    const group = grouped.get(one.virtual);
    if (group) group.push(one);
    else grouped.set(one.virtual, [one]);
  }
  return grouped;
}

function releasesByTarget(entries: readonly Entry[], viewpoint: Viewpoint): ReadonlyMap<string, string> {
  return new Map(
    entries.flatMap((entry) =>
      allTargetsOf([entry], viewpoint).map((target): [string, string] => [
        targetKey(target),
        entry.body.release ?? '',
      ]),
    ),
  );
}

function onlyReleaseOf(entries: readonly Entry[]): string {
  const releases = new Set(entries.map(({ body }) => body.release ?? ''));
  const [only = ''] = releases;
  return releases.size === 1 ? only : '';
}
