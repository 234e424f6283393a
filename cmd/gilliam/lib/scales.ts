import type { Client } from '../../../pkg/client/client';
import type { Release } from '../../../pkg/gen/gilliam/v1/release';
import type { Scale } from '../../../pkg/gen/gilliam/v1/scale';
import { compareReleaseNames } from '../../../pkg/resource/release-name';
import { compareProcesses, formatFactors } from './factors';
import { listAll } from './list-all';

/** All scales of the formation, older releases first. */
export async function listScales(client: Client, formation: string, signal?: AbortSignal): Promise<Scale[]> {
  const { items } = await listAll(
    (pageToken) => client.scales.listScales({ parent: `formations/${formation}`, pageToken }, { signal }),
    (answer) => answer.scales,
  );
  return items.sort((left, right) => compareReleaseNames(nameOf(left), nameOf(right)));
}

/** The factors that are not 0. */
export function activeFactors(scale: Scale | undefined): Map<string, number> {
  return new Map(Object.entries(scale?.spec?.factors ?? {}).filter(([, factor]) => factor > 0));
}

/** The factors that are not 0, and those that were asked for. */
export function shownFactors(scale: Scale, named: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...named, ...activeFactors(scale)]);
}

/** `v2 web=2 worker=4` for each release that is scaled to anything. */
export function scaleLines(scales: readonly Scale[]): string[] {
  return scales
    .filter((scale) => activeFactors(scale).size > 0)
    .map((scale) => `${nameOf(scale)} ${formatFactors(activeFactors(scale))}`);
}

/** What to do with a new release: scale it as the one before, or to begin with. Undefined for a scaled one. */
export async function suggestScale(
  client: Client,
  formation: string,
  release: Release,
): Promise<string | undefined> {
  const name = release.metadata?.name ?? '';
  const processes = Object.keys(release.spec?.processes ?? {}).sort(compareProcesses);
  if (!release.spec?.image) return 'gilliam deploy';
  const scales = await listScales(client, formation);
  const active = scales.filter((scale) => activeFactors(scale).size > 0);
  if (active.some((scale) => nameOf(scale) === name)) return undefined;
  const last = [...activeFactors(active.at(-1))].filter(([process]) => processes.includes(process));
  const factors =
    last.length > 0 ? new Map(last) : new Map(processes.slice(0, 1).map((process) => [process, 1]));
  return factors.size === 0 ? undefined : `gilliam scale ${name} ${formatFactors(factors)}`;
}

export function nameOf(scale: Scale): string {
  return scale.metadata?.name ?? '';
}
