import { Retired } from '../gen/gilliam/v1/scale';
import type { Route, Scale } from './objects';

/** Beside the release and the rollout there is room for so much in one transaction, of each of a few scales. */
const MAX_RETIRED_BYTES = 128 * 1024;

/** What there is when a release gives way. */
export interface Retirement {
  /** All of the formation. */
  readonly routes: readonly Route[];
  readonly time: Date;
  /** The release that takes over; empty where none does. */
  readonly by: string;
}

/** The scale with what there is now around its release: what `rollback` to it will bring back. */
export function retire(scale: Scale, { routes, time, by }: Retirement): Scale {
  const factors = { ...scale.spec.factors };
  const all: Retired = { factors, routes: routes.map(remembered), time, routesLeftOut: false, by };
  const fits = Retired.encode(all).finish().length <= MAX_RETIRED_BYTES;
  const retired: Retired = fits ? all : { ...all, routes: [], routesLeftOut: true };
  return { ...scale, spec: { ...scale.spec, retired } };
}

/** Scales are shown to everybody: a key stays where it is, and its certificate with it. */
function remembered({ metadata, spec }: Route): Retired['routes'][number] {
  const { name, labels } = metadata;
  const { tls } = spec;
  return {
    metadata: { name, formation: '', uid: '', generation: 0n, revision: 0n, labels },
    spec: { ...spec, ...(tls && { tls: { ...tls, certificate: '', privateKey: '' } }) },
  };
}
