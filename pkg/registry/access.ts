import { serviceRef } from '../resource/service-ref';
import type { Entry, Identity, RegistryView, ServiceName } from './types';

/**
 * Who asks for a service: one of this executor's instances, the machine itself (its root, the router, the agent), or
 * somebody of whom nothing is known.
 */
export type Asker = Pick<Identity, 'formation' | 'imports'> | 'machine' | undefined;

/** In a share: all formations. */
const EVERYBODY = '*';

/** Whether the entry is of an auxiliary service of Gilliam's: those are their formation's own. */
export function isGuarded({ service, source }: Pick<Entry, 'service' | 'source'>): boolean {
  return source === 'agent' && service.startsWith('_');
}

/** Whether a formation other than the service's own may use what is shared with these. */
export function isSharedWith(sharedWith: readonly string[] | undefined, formation: string): boolean {
  return sharedWith?.some((other) => other === formation || other === EVERYBODY) ?? false;
}

/** Whether whoever asks may be sent to the entry. */
export function mayUse(asker: Asker, entry: Entry): boolean {
  if (!isGuarded(entry) || asker === 'machine') return true;
  if (asker === undefined) return false;
  return asker.formation === entry.formation || isSharedWith(entry.body.sharedWith, asker.formation);
}

/**
 * Whether whoever asks may be told, unasked, that there is the service. `entries`: what is announced for it; one that has
 * none sleeps, and nobody knows then with whom it is shared.
 */
export function mayBeNamed(
  asker: Asker,
  { service, formation }: ServiceName,
  entries: readonly Entry[],
): boolean {
  if (entries.length > 0) return entries.some((entry) => mayUse(asker, entry));
  if (!service.startsWith('_') || asker === 'machine') return true;
  return asker?.formation === formation;
}

/**
 * What the name means to whoever asks. A name in the asker's own formation that no service of it has may be an import:
 * `users` of blog, in full `users.blog.service`, is `web.accounts.service` to blog's instances, and nothing to anybody
 * else. Own services come first.
 */
export function meantBy(asker: Asker, name: ServiceName, view: Pick<RegistryView, 'services'>): ServiceName {
  if (asker === undefined || asker === 'machine' || asker.formation !== name.formation) return name;
  const { imports = {} } = asker;
  const target = Object.hasOwn(imports, name.service) ? imports[name.service] : undefined;
  if (target === undefined || view.services(name.formation).includes(name.service)) return name;
  const ref = serviceRef(target);
  return ref?.formation === undefined ? name : { ...name, service: ref.service, formation: ref.formation };
}
