import type { CompiledRoute } from '../routing/types';
import { backendName } from './goals';

export interface Certificates {
  /** Each with its key. */
  readonly files: ReadonlyMap<string, string>;
  /** Which is for which hosts, as HAProxy reads it. */
  readonly list: string;
}

/**
 * The certificates of routes. A host is known by one: by what somebody has given rather than by one for development, and
 * of several by the most specific route's. @param ordered the most specific first
 */
export function certificatesOf(ordered: readonly CompiledRoute[]): Certificates {
  const files = new Map<string, string>();
  const lines = new Map<string, string>();
  for (const { id, host, route } of givenFirst(ordered)) {
    const { tls } = route.spec;
    if (!tls || !host || tls.certificate === '' || tls.privateKey === '') continue;
    const file = `certificates/${backendName({ id })}.pem`;
    files.set(file, `${tls.certificate.trim()}\n${tls.privateKey.trim()}\n`);
    const [first, second, third] = host.parts;
    const wildcard =
      first?.kind === 'variable' && second?.kind === 'text' && !third && second.text.startsWith('.');
    const filter = host.exact ? ` ${host.prefix}` : wildcard ? ` *${second.text}` : '';
    const key = filter === '' ? id : filter;
    if (!lines.has(key)) lines.set(key, `${file}${filter}\n`);
  }
  return { files, list: [...lines.values()].join('') };
}

/** One for development that a route of a host asks for may not take the place of its real one. */
function givenFirst(ordered: readonly CompiledRoute[]): readonly CompiledRoute[] {
  const isDevelopment = ({ route }: CompiledRoute) => route.spec.tls?.development === true;
  return [...ordered.filter((one) => !isDevelopment(one)), ...ordered.filter(isDevelopment)];
}
