import { isLabel, isServiceName } from '../resource/names';
import { isInstanceLabel } from './service-name';
import type { EntryKey } from './types';

/** `shop/web.1`: the path of an entry, which is also how nodes call it. */
export function formatKey(key: EntryKey): string {
  return `${key.formation}/${key.service}.${key.instance}`;
}

/** The parts of a path that are there: a formation's, a service's, or an entry's. */
export type PartialKey = Pick<EntryKey, 'formation'> & Partial<EntryKey>;

/** Takes `shop`, `shop/web` or `shop/web.1` apart; undefined for whatever else, encoded or doubled parts included. */
export function parsePath(path: string): PartialKey | undefined {
  const [formation = '', rest, ...more] = path.split('/');
  if (more.length > 0 || !isLabel(formation)) return undefined;
  if (rest === undefined) return { formation };
  const dot = rest.indexOf('.');
  const service = dot < 0 ? rest : rest.slice(0, dot);
  if (!isServiceName(service)) return undefined;
  if (dot < 0) return { formation, service };
  const instance = rest.slice(dot + 1);
  return isInstanceLabel(instance) ? { formation, service, instance } : undefined;
}

/** Takes `shop/web.1` apart. */
export function parseKey(path: string): EntryKey | undefined {
  const key = parsePath(path);
  return key?.service !== undefined && key.instance !== undefined ? (key as EntryKey) : undefined;
}
