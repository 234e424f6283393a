import { isLabel, isServiceName } from '../resource/names';
import type { ServiceName } from './types';

/** What every full name ends in. */
export const SERVICE_SUFFIX = 'service';

export interface ParseServiceNameOptions {
  /** The formation of whoever asks: gives short names a meaning. */
  readonly formation?: string;
}

const release = /^v[1-9][0-9]*$/;
const instance = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;

/** Whether the text may stand for one instance: an ordinal, or a label of the announcer's choice. */
export function isInstanceLabel(text: string): boolean {
  return text.length <= 63 && instance.test(text);
}

/** Whether the text names a release: `v2`. */
export function isReleaseLabel(text: string): boolean {
  return text.length <= 63 && release.test(text);
}

/**
 * Takes a name apart: `web.shop.service`, `1.web.shop.service`, `v2.web.shop.service`, in any case, a final dot
 * allowed; inside a formation also `web`, `1.web` and `v2.web`. Undefined for whatever else.
 */
export function parseServiceName(
  text: string,
  options: ParseServiceNameOptions = {},
): ServiceName | undefined {
  if (text.length > 253) return undefined;
  const lower = text.toLowerCase();
  const parts = (lower.endsWith('.') ? lower.slice(0, -1) : lower).split('.');
  if (parts.at(-1) === SERVICE_SUFFIX && parts.length >= 3) {
    return nameOf(parts.slice(0, -2), parts.at(-2) as string);
  }
  return options.formation === undefined ? undefined : nameOf(parts, options.formation);
}

/** `web.shop.service`, with `1.` or `v2.` before it. */
export function formatServiceName(name: ServiceName): string {
  const which = name.instance ?? name.release;
  return `${which === undefined ? '' : `${which}.`}${name.service}.${name.formation}.${SERVICE_SUFFIX}`;
}

function nameOf(parts: readonly string[], formation: string): ServiceName | undefined {
  const service = parts.at(-1);
  if (service === undefined || parts.length > 2 || !isServiceName(service) || !isLabel(formation))
    return undefined;
  const [which] = parts;
  if (parts.length === 1 || which === undefined) return { service, formation };
  // `v2` is the release, whoever else would like to be called so.
  if (isReleaseLabel(which)) return { service, formation, release: which };
  return isInstanceLabel(which) ? { service, formation, instance: which } : undefined;
}
