import type { CompiledRoute } from '../routing/types';

/**
 * Where a request goes: `#000017/shop:user`, the number of a backend and the route. HAProxy finds a backend by such a
 * number and reads no further, and the route begins where it always does: neither has to be cut out, which costs every
 * request by the length of the names.
 */
export function goalOf(backend: number, route: Pick<CompiledRoute, 'id'>): string {
  return `${prefixOf(backend)}${backendName(route)}`;
}

function prefixOf(backend: number): string {
  return `#${String(backend).padStart(digits, '0')}/`;
}

const digits = 6;

/** Of the backend for what no route matches. */
export const unknownNumber = 1;
/** Of no route. */
export const nowhere = prefixOf(unknownNumber);
/** Where the route begins in a goal. */
export const routeAt = nowhere.length;

/** Of a route: its backend, unless it shares one, or the first part of its backends' names. */
export function backendName({ id }: Pick<CompiledRoute, 'id'>): string {
  return id.replace('/', ':').replace(/[^-\w:]/g, (char) => `.${char.codePointAt(0)?.toString(16)}`);
}

/** Numbers backends as they are asked for. */
export class BackendNumbers {
  readonly #known = new Map<string, number>();

  of(backend: string): number {
    const known = this.#known.get(backend) ?? unknownNumber + 1 + this.#known.size;
    this.#known.set(backend, known);
    return known;
  }
}
