import { posix } from 'node:path';
import type { VolumeMount } from '../gen/gilliam/v1/release';
import { MAX_VOLUME_PATH, MAX_VOLUMES } from './bounds';
import { isLabel, isVolumeName, labelViolation, quote, VOLUME_RULE } from './names';
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
      isVolumeName(name),
      `${here}.name`,
      () => `${what}: volume name ${quote(name)} is not allowed: it ${VOLUME_RULE}`,
    );
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
