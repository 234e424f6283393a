import type { ReleaseSpec } from '../gen/gilliam/v1/release';
import { entryOf } from './entries';

/** A volume as a process names it. */
export interface NamedVolume {
  readonly service: string;
  readonly volume: string;
}

/**
 * What the formation's releases say already. Rules that came later refuse only what is new: a release that changes something
 * else may be made all the same.
 */
export interface Precedent {
  config(name: string, value: string): boolean;
  env(process: string, name: string, value: string): boolean;
  volume(named: NamedVolume): boolean;
  /** All there are. */
  volumes(): readonly NamedVolume[];
}

export const noPrecedent: Precedent = {
  config: () => false,
  env: () => false,
  volume: () => false,
  volumes: () => [],
};

/** For those who do not know what is stored, and leave it to those who do. */
export const anyPrecedent: Precedent = {
  config: () => true,
  env: () => true,
  volume: () => true,
  volumes: () => [],
};

export function precedentOf(releases: readonly { readonly spec: ReleaseSpec }[]): Precedent {
  const processes = (name: string) => releases.flatMap(({ spec }) => entryOf(spec.processes, name) ?? []);
  return {
    config: (name, value) => releases.some(({ spec }) => entryOf(spec.config, name) === value),
    env: (process, name, value) => processes(process).some(({ env }) => entryOf(env, name) === value),
    volume: ({ service, volume }) =>
      processes(service).some(({ volumes }) => volumes.some(({ name }) => name === volume)),
    volumes: () => releases.flatMap(({ spec }) => volumesOf(spec)),
  };
}

export function volumesOf({ processes }: ReleaseSpec): readonly NamedVolume[] {
  return Object.entries(processes).flatMap(([service, { volumes }]) =>
    volumes.map(({ name: volume }) => ({ service, volume })),
  );
}
