import { Process, type VolumeMount } from '../gen/gilliam/v1/release';
import { auxiliaryEnvironment, auxiliaryVariables } from './auxiliary';
import { entryOf } from './entries';
import type { Instance, Release } from './objects';

/**
 * What an instance's release says of its process. A one-off may be of a process that the release does not have: then
 * of one of which nothing is said. Or it may be like a process whose name it does not bear, as a cron job's runs are.
 * Undefined for other instances of such a process.
 */
export function processOfInstance(
  { spec }: Pick<Instance, 'spec'>,
  release: Release | undefined,
): Process | undefined {
  if (!release) return undefined;
  const process = entryOf(release.spec.processes, spec.oneOff?.like || spec.process);
  return process ?? (spec.oneOff ? Process.fromPartial({}) : undefined);
}

/** The image that the process is run from: its own, or the release's. */
export function imageOf(process: Process | undefined, release: Release): string {
  return process?.image || release.spec.image;
}

/**
 * What an instance is given of configuration. An ordinary process has the URLs of the auxiliary services, except where
 * its own environment says something else, and over them what users have configured; an auxiliary service has none.
 */
export function configOf(process: Process | undefined, release: Release): Readonly<Record<string, string>> {
  if (process?.auxiliary) return {};
  const urls = Object.entries(auxiliaryVariables(release, release.metadata.formation));
  const given = urls.filter(([name]) => process === undefined || !Object.hasOwn(process.env, name));
  return { ...Object.fromEntries(given), ...release.spec.config };
}

/**
 * The process as its instances have it: an auxiliary service's secret stands in its environment, where its definition
 * asks for it, and nowhere else.
 */
export function runnable(name: string, process: Process, formation: string): Process {
  const { auxiliary } = process;
  if (!auxiliary) return process;
  const env = auxiliaryEnvironment(name, process, formation);
  return { ...process, env, auxiliary: { ...auxiliary, secret: '', url: '' } };
}

/** What an instance keeps beyond its own life: nothing, if it is a one-off. */
export function volumesOf({ spec }: Pick<Instance, 'spec'>, process: Process): readonly VolumeMount[] {
  return spec.oneOff ? [] : process.volumes;
}

/** The name of a Volume, which is one of a formation's: `_cache-1-data`. */
export function volumeName(service: string, ordinal: number, volume: string): string {
  return `${service}-${ordinal}-${volume}`;
}
