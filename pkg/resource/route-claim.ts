import { Metadata } from '../gen/gilliam/v1/metadata';
import type { Kind, StoredObject } from './objects';

/**
 * That what a route matches is matched by that route. One object for each set of requests, named for it and not for the
 * route: of two routes that match the same, made at the same moment, the second finds it taken. Nobody sees it outside
 * the control plane.
 */
export type RouteClaim = StoredObject;

export const routeClaims: Kind<RouteClaim> = {
  name: 'RouteClaim',
  plural: 'routeclaims',
  formationScoped: false,
  encode: ({ metadata }) => Metadata.encode(metadata).finish(),
  decode: (bytes) => ({ metadata: Metadata.decode(bytes) }),
};

const formationLabel = 'gilliam/formation';
const routeLabel = 'gilliam/route';

/** The labels of a claim: whose it is. */
export function claimLabels(route: {
  readonly formation: string;
  readonly name: string;
}): Record<string, string> {
  return { [formationLabel]: route.formation, [routeLabel]: route.name };
}

/** The route that has the claim. */
export function claimant({ metadata }: RouteClaim): { readonly formation: string; readonly name: string } {
  return { formation: metadata.labels[formationLabel] ?? '', name: metadata.labels[routeLabel] ?? '' };
}
