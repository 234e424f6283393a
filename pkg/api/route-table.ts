import { InvalidError } from '../base/errors';
import type { Route } from '../resource/objects';
import { compileRoute } from '../routing/compile';
import { compareRoutes } from '../routing/order';
import type { CompiledRoute } from '../routing/types';

/** Routes as they are compared and matched. Each is compiled once, however often it is asked for. */
export class RouteTable {
  /** By uid and revision. */
  #compiled = new Map<string, CompiledRoute | undefined>();

  /** Undefined for one that this version does not understand: a newer control plane has made it. */
  compiled(route: Route): CompiledRoute | undefined {
    const { uid, revision } = route.metadata;
    const key = `${uid}@${revision}`;
    if (!this.#compiled.has(key)) this.#compiled.set(key, compile(route));
    return this.#compiled.get(key);
  }

  /** All that compile, most specific first. Forgets whatever is not among them. */
  ordered(routes: readonly Route[]): readonly CompiledRoute[] {
    const kept = new Map<string, CompiledRoute | undefined>();
    for (const route of routes) {
      kept.set(`${route.metadata.uid}@${route.metadata.revision}`, this.compiled(route));
    }
    this.#compiled = kept;
    return [...kept.values()].filter((route) => route !== undefined).sort(compareRoutes);
  }

  /** The order in which routes are tried; those that are not understood last. */
  compare(left: Route, right: Route): number {
    const [first, second] = [this.compiled(left), this.compiled(right)];
    return first && second ? compareRoutes(first, second) : Number(!first) - Number(!second);
  }
}

function compile(route: Route): CompiledRoute | undefined {
  try {
    return compileRoute(route);
  } catch (error) {
    if (error instanceof InvalidError) return undefined;
    throw error;
  }
}
