import type { CacheReader } from '../../reconcile/cache';
import { auxiliaryUrl, isAuxiliary, urlVariableOf } from '../../resource/auxiliary';
import { hasFactors } from '../../resource/current-release';
import { entryOf } from '../../resource/entries';
import type { Formation, Release, Scale } from '../../resource/objects';
import { releaseName } from '../../resource/release-name';
import { serviceRef } from '../../resource/service-ref';

interface Sources {
  readonly formations: Pick<CacheReader<Formation>, 'get'>;
  readonly releases: Pick<CacheReader<Release>, 'get'>;
  readonly scales: Pick<CacheReader<Scale>, 'get'>;
}

/**
 * The URLs of auxiliary services that a formation imports, under its own names for them: `QUEUE_URL` for
 * `queue: _queue.orders`. Only of those that are shared with it.
 */
export function importedUrls(
  formation: string,
  imports: Readonly<Record<string, string>>,
  sources: Sources,
): Record<string, string> {
  const urls: Record<string, string> = {};
  for (const [name, target] of Object.entries(imports)) {
    const url = urlOf(target, formation, sources);
    if (url !== '') urls[urlVariableOf(name)] = url;
  }
  return urls;
}

function urlOf(target: string, importer: string, sources: Sources): string {
  const ref = serviceRef(target);
  if (ref?.formation === undefined || !isAuxiliary(ref.service)) return '';
  const owner = sources.formations.get({ formation: '', name: ref.formation });
  const shared = owner && entryOf(owner.spec.shares, ref.service)?.with;
  if (!owner || !shared?.some((each) => each === importer || each === '*')) return '';
  const process = processOf(owner, ref.service, sources);
  return process ? auxiliaryUrl(ref.service, process, ref.formation) : '';
}

/** As the newest release with factors says; where none has any, as the newest that has the service. */
function processOf({ metadata, status }: Formation, service: string, { releases, scales }: Sources) {
  let fallback;
  for (let number = status.lastRelease; number > 0; number--) {
    const key = { formation: metadata.name, name: releaseName(number) };
    const release = releases.get(key);
    const process = release && entryOf(release.spec.processes, service);
    if (!process?.auxiliary) continue;
    const scale = scales.get(key);
    if (scale && hasFactors(scale)) return process;
    fallback ??= process;
  }
  return fallback;
}
