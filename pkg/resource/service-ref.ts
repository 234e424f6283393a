import { isLabel, isServiceName } from './names';

/** A service as a formation names it: one of its own (`web`), or of another one (`web.accounts`). */
export interface ServiceRef {
  readonly service: string;
  /** Absent for the formation's own. */
  readonly formation?: string;
}

/** Reads `_cache` and `api.user`; undefined for anything else. */
export function serviceRef(text: string): ServiceRef | undefined {
  const [service = '', formation, ...rest] = text.split('.');
  if (!isServiceName(service) || rest.length > 0) return undefined;
  if (formation === undefined) return { service };
  return isLabel(formation) ? { service, formation } : undefined;
}
