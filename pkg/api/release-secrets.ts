import { InvalidError } from '../base/errors';
import type { Random } from '../base/random';
import type { Process, ReleaseSpec } from '../gen/gilliam/v1/release';
import { entryOf } from '../resource/entries';
import type { Release } from '../resource/objects';
import { compareReleaseNames } from '../resource/release-name';

/** A password that nobody has to remember: 240 bits, in characters that need no quoting in a URL. */
export function newSecret(random: Random): string {
  return `${random.uuid()}${random.uuid()}`.replaceAll('-', '');
}

/**
 * The spec with the secret of each auxiliary service: the one that the service last had in this formation, though it
 * may have been gone for some releases, as its data may still be there; or a new one.
 */
export function withSecrets(
  spec: ReleaseSpec,
  releases: readonly Release[],
  makeSecret: (service: string) => string,
): ReleaseSpec {
  const without = Object.entries(spec.processes).filter(([, { auxiliary }]) => auxiliary?.secret === '');
  if (without.length === 0) return spec;
  const newestFirst = releases.toSorted((a, b) => compareReleaseNames(b.metadata.name, a.metadata.name));
  const secretOf = (name: string) =>
    newestFirst.map((release) => secretIn(release.spec, name)).find((secret) => secret !== '') ??
    makeSecret(name);
  return mapProcesses(spec, (process, name) => withSecret(process, secretOf(name), ''));
}

/** Throws InvalidError where a request brings secrets of its own: what a database was made with stays. */
export function refuseSecrets(spec: ReleaseSpec, field = 'spec'): void {
  const name = Object.keys(spec.processes).find((each) => secretIn(spec, each) !== '');
  if (name === undefined) return;
  const description = `process ${name}: the secret of an auxiliary service is made here: leave it out`;
  throw new InvalidError(description, [
    { field: `${field}.processes.${name}.auxiliary.secret`, description },
  ]);
}

/** A release as users may see it: the secrets stay in the store. */
export function shownRelease(release: Release): Release {
  const spec = withoutSecrets(release.spec);
  return spec === release.spec ? release : { ...release, spec };
}

/** The same object where there is none. */
export function withoutSecrets(spec: ReleaseSpec): ReleaseSpec {
  const any = Object.keys(spec.processes).some((name) => secretIn(spec, name) !== '');
  return any ? mapProcesses(spec, (process) => withSecret(process, '')) : spec;
}

function secretIn({ processes }: ReleaseSpec, name: string): string {
  return entryOf(processes, name)?.auxiliary?.secret ?? '';
}

/** Only in place of `former`, where that is given. */
function withSecret(process: Process, secret: string, former?: string): Process {
  const { auxiliary } = process;
  if (!auxiliary || (former !== undefined && auxiliary.secret !== former)) return process;
  return { ...process, auxiliary: { ...auxiliary, secret } };
}

function mapProcesses(spec: ReleaseSpec, map: (process: Process, name: string) => Process): ReleaseSpec {
  const processes = Object.fromEntries(
    Object.entries(spec.processes).map(([name, process]) => [name, map(process, name)]),
  );
  return { ...spec, processes };
}
