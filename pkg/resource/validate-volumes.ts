import { posix } from 'node:path';
import type { ReleaseSpec, VolumeMount } from '../gen/gilliam/v1/release';
import { MAX_VOLUME_PATH, MAX_VOLUMES } from './bounds';
import { isLabel, isVolumeName, labelViolation, quote, VOLUME_RULE } from './names';
import type { NamedVolume, Precedent } from './precedent';
import { hasControl } from './text';
import type { Violations } from './violations';

interface At {
  readonly what: string;
  readonly field: string;
  readonly found: Violations;
}

// What the container's engine puts there itself.
const taken = ['/proc', '/sys', '/dev'];

/** Checks the volumes of one process. */
export function checkVolumes(volumes: readonly VolumeMount[], { what, field, found }: At): void {
  found.require(
    volumes.length <= MAX_VOLUMES,
    field,
    () => `${what} has ${volumes.length} volumes: the limit is ${MAX_VOLUMES}`,
  );
  const names = new Set<string>();
  const paths = new Set<string>();
  volumes.slice(0, MAX_VOLUMES).forEach(({ name, path }, index) => {
    const here = `${field}[${index}]`;
    found.require(isLabel(name), `${here}.name`, () => labelViolation(`${what}: volume name`, name));
    found.require(
      !names.has(name),
      `${here}.name`,
      () => `${what}: volume ${quote(name)} is given twice: name each volume differently`,
    );
    const violation = pathViolation(path);
    if (violation !== undefined) found.add(`${here}.path`, `${what}: volume ${quote(name)}: ${violation}`);
    found.require(
      !paths.has(path),
      `${here}.path`,
      () => `${what}: two volumes are at ${quote(path)}: give each a path of its own`,
    );
    names.add(name);
    paths.add(path);
  });
}

/**
 * Volumes are named for their service and its ordinal (`db-1-data`): no two services may have one of the same name. What
 * releases had before is let go on, as its data would be lost under another name; what it could be taken for is not.
 */
export function checkVolumeNames(
  { processes }: Pick<ReleaseSpec, 'processes'>,
  precedent: Precedent,
  { field, found }: { readonly field: string; readonly found: Violations },
): void {
  for (const [service, { volumes }] of Object.entries(processes)) {
    volumes.slice(0, MAX_VOLUMES).forEach(({ name: volume }, index) => {
      const named = { service, volume };
      if (precedent.volume(named)) return;
      const here = `${field}.${service}.volumes[${index}].name`;
      const what = `process ${service}: volume name ${quote(volume)} is not allowed: it`;
      found.require(isVolumeName(volume), here, () => `${what} ${VOLUME_RULE}`);
      const other = precedent.volumes().find((one) => mayBeOne(one, named));
      if (!other) return;
      found.add(
        here,
        `${what} could be taken for ${quote(other.volume)} of ${other.service}: choose another`,
      );
    });
  }
}

/** Whether volumes of two services could have one name: `a-2-b` of `db`, and `b` of `db-1-a`. */
export function mayBeOne(one: NamedVolume, other: NamedVolume): boolean {
  const [short, long] = one.service.length < other.service.length ? [one, other] : [other, one];
  if (!long.service.startsWith(`${short.service}-`)) return false;
  const [, head] = /^\d+-(.+)$/.exec(long.service.slice(short.service.length + 1)) ?? [];
  if (head === undefined || !short.volume.startsWith(`${head}-`)) return false;
  const [, tail] = /^\d+-(.+)$/.exec(short.volume.slice(head.length + 1)) ?? [];
  return tail === long.volume;
}

function pathViolation(path: string): string | undefined {
  const sound =
    path.startsWith('/') &&
    path !== '/' &&
    posix.normalize(path) === path &&
    !path.endsWith('/') &&
    !path.includes(':') &&
    path.length <= MAX_VOLUME_PATH &&
    !hasControl(path);
  if (!sound) {
    return `path ${quote(path)} is not allowed: use an absolute path below /, without .. and //`;
  }
  const inside = taken.find((root) => path === root || path.startsWith(`${root}/`));
  return inside === undefined
    ? undefined
    : `path ${quote(path)} is the engine's own: use one outside ${inside}`;
}
