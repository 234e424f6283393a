import { ReleaseSpec } from '../../gen/gilliam/v1/release';
import type { Release } from '../../resource/objects';
import { releaseName } from '../../resource/release-name';
import { withSecrets } from '../release-secrets';
import { sameSoftware } from '../same-software';
import { appliedProcesses, labelOfProcesses } from './applied-label';
import type { FormationState } from './state';

/** The release that a formation is to have. */
export interface NextRelease {
  readonly name: string;
  readonly spec: ReleaseSpec;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it has to be made. */
  readonly isNew: boolean;
}

export interface ReleaseWish {
  /** Undefined for what there is. */
  readonly release: ReleaseSpec | undefined;
  readonly prune: boolean;
  /** The secret of a service that never had one. */
  makeSecret(service: string): string;
}

/** Undefined where there is none and none is asked for. */
export function nextRelease(state: FormationState, wish: ReleaseWish): NextRelease | undefined {
  const { newest } = state;
  if (!wish.release) return newest && unchanged(newest);
  const base = newest?.spec ?? ReleaseSpec.fromPartial({});
  const carried = carriedProcesses(newest, wish.release, wish.prune);
  // What the image was built from goes with the image; of which commit that is, may be said anew.
  const origin = wish.release.image === '' ? base : wish.release;
  const asked: ReleaseSpec = {
    ...wish.release,
    image: origin.image,
    commit: wish.release.commit || origin.commit,
    source: origin.source,
    config: Object.fromEntries([...Object.entries(base.config), ...Object.entries(wish.release.config)]),
    processes: Object.fromEntries([...carried, ...Object.entries(wish.release.processes)]),
  };
  const spec = withSecrets(asked, state.releases, (service) => wish.makeSecret(service));
  if (newest && sameSoftware(newest.spec, spec)) return unchanged(newest);
  const formerly = appliedProcesses(newest);
  const described = [
    ...Object.keys(wish.release.processes),
    ...carried.map(([name]) => name).filter((name) => formerly.has(name)),
  ];
  const name = releaseName((state.formation?.status.lastRelease ?? 0) + 1);
  return { name, spec, labels: labelOfProcesses(described), isNew: true };
}

function unchanged({ metadata, spec }: Release): NextRelease {
  return { name: metadata.name, spec, labels: metadata.labels, isNew: false };
}

/** What is no longer described stays, but for what was applied and is to be pruned. */
function carriedProcesses(newest: Release | undefined, asked: ReleaseSpec, prune: boolean) {
  const prunable = prune ? appliedProcesses(newest) : new Set<string>();
  return Object.entries(newest?.spec.processes ?? {}).filter(
    ([name]) => !Object.hasOwn(asked.processes, name) && !prunable.has(name),
  );
}
