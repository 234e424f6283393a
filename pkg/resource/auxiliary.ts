import { isDeepStrictEqual } from 'node:util';
import { Process } from '../gen/gilliam/v1/release';
import type { Release } from './objects';

/** What may be filled into a type's URL and into the environment of its instances. */
interface Facts {
  /** The name by which the service is reached: `_cache.shop.service`. */
  readonly host: string;
  /** Its first port; empty where it has none. */
  readonly port: string;
  readonly secret: string;
  readonly formation: string;
}

/** Whether the name is that of an auxiliary service: `_cache`. */
export function isAuxiliary(name: string): boolean {
  return name.startsWith('_');
}

/**
 * How many instances of the process releases with these factors have together. Of an auxiliary service, which they share,
 * the most that one of them has: two halves of a database are none.
 */
export function together(process: string, factors: readonly number[]): number {
  return factors.reduce((all, factor) => (isAuxiliary(process) ? Math.max(all, factor) : all + factor), 0);
}

/**
 * Whether two releases mean the same by an auxiliary service, so that an instance of the one will do for the other:
 * every field is the same, image and secret included.
 */
export function sameDefinition(a: Process, b: Process): boolean {
  return a === b || isDeepStrictEqual(canonical(a), canonical(b));
}

/**
 * The variables by which a release's processes find its auxiliary services: `CACHE_URL` → `redis://…`. Not for the
 * auxiliary services themselves.
 */
export function auxiliaryVariables(release: Release, formation: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, process] of Object.entries(release.spec.processes)) {
    const { urlVariable = '' } = process.auxiliary ?? {};
    const url = auxiliaryUrl(name, process, formation);
    if (urlVariable !== '' && url !== '') variables[urlVariable] = url;
  }
  return variables;
}

/** The variable that a name's URL is given in: `_cache` → `CACHE_URL`. */
export function urlVariableOf(name: string): string {
  return `${name.replace(/^_/, '').replaceAll('-', '_').toUpperCase()}_URL`;
}

/** The URL of one auxiliary service, as its formation's processes are given it; empty where its type has none. */
export function auxiliaryUrl(name: string, process: Process, formation: string): string {
  return fill(process.auxiliary?.url ?? '', factsOf(name, process, formation));
}

/**
 * The environment of an auxiliary service's own instances: what its definition says, with the secret and the names
 * filled in.
 */
export function auxiliaryEnvironment(
  name: string,
  process: Process,
  formation: string,
): Record<string, string> {
  const facts = factsOf(name, process, formation);
  return Object.fromEntries(Object.entries(process.env).map(([key, text]) => [key, fill(text, facts)]));
}

function factsOf(name: string, process: Process, formation: string): Facts {
  return {
    host: `${name}.${formation}.service`,
    port: String(process.ports[0]?.containerPort ?? ''),
    secret: process.auxiliary?.secret ?? '',
    formation,
  };
}

/** What stands in braces and is no fact stays as it is: options may hold JSON. */
function fill(template: string, facts: Facts): string {
  return template.replace(/\{(host|port|secret|formation)\}/g, (_all, key: keyof Facts) => facts[key]);
}

/** Absent and empty fields alike, as they come from the store. */
function canonical(process: Process): Process {
  return Process.decode(Process.encode(process).finish());
}
