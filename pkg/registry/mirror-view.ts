import { freshOrStale } from './entry-index';
import { formatKey } from './entry-key';
import type { Changes, Entry, ServiceName } from './types';

/** What a mirror knows, by names. */
export class MirrorView {
  readonly #services = new Map<string, Map<string, Map<string, Entry>>>();

  /** Makes the names known that nothing is announced for now. */
  name(names: readonly string[]): void {
    for (const name of names) {
      const [formation = '', service = ''] = name.split('/');
      this.#service(formation, service);
    }
  }

  apply({ announced, withdrawn }: Changes): void {
    for (const entry of withdrawn) this.#service(entry.formation, entry.service).delete(entry.instance);
    for (const entry of announced) this.#service(entry.formation, entry.service).set(entry.instance, entry);
  }

  /** What has to happen for the view to be as the snapshot says. */
  difference(snapshot: readonly Entry[]): Changes {
    const wanted = new Map(snapshot.map((entry) => [formatKey(entry), entry]));
    const held = new Map(this.all().map((entry) => [formatKey(entry), entry]));
    const isSame = (a: Entry | undefined, b: Entry | undefined) =>
      a?.version === b?.version && a?.origin === b?.origin && a?.stale === b?.stale;
    return {
      announced: snapshot.filter((entry) => !isSame(entry, held.get(formatKey(entry)))),
      withdrawn: [...held]
        .filter(([path, entry]) => !isSame(entry, wanted.get(path)))
        .map(([, entry]) => entry),
    };
  }

  all(): readonly Entry[] {
    return [...this.#services.values()].flatMap((services) =>
      [...services.values()].flatMap((instances) => [...instances.values()]),
    );
  }

  lookup({ formation, service, instance, release }: ServiceName): readonly Entry[] {
    const instances = this.#services.get(formation)?.get(service);
    if (!instances) return [];
    if (instance !== undefined) {
      const entry = instances.get(instance);
      return entry ? [entry] : [];
    }
    const entries = [...instances.values()];
    return freshOrStale(
      release === undefined ? entries : entries.filter((entry) => entry.body.release === release),
    );
  }

  formations(): readonly string[] {
    return [...this.#services.keys()].sort();
  }

  services(formation: string): readonly string[] {
    return [...(this.#services.get(formation)?.keys() ?? [])].sort();
  }

  #service(formation: string, service: string): Map<string, Entry> {
    let services = this.#services.get(formation);
    if (!services) this.#services.set(formation, (services = new Map<string, Map<string, Entry>>()));
    let instances = services.get(service);
    if (!instances) services.set(service, (instances = new Map<string, Entry>()));
    return instances;
  }
}
