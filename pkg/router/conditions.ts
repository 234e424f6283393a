import type { CompiledRoute, QueryTest, ValueTest } from '../routing/types';

/** What routes ask of headers or the query. Looked at once a request, however many routes ask. */
export type Condition =
  | { readonly id: number; readonly of: 'header'; readonly test: ValueTest }
  | { readonly id: number; readonly of: 'query'; readonly test: QueryTest };

/** What the note of all conditions that hold begins with: `;c0;c3;`. */
export const noConditions = ';';

/** Numbers what routes ask for. */
export class Conditions {
  readonly #known = new Map<string, Condition>();

  get all(): readonly Condition[] {
    return [...this.#known.values()];
  }

  /** The expression over the note that a request of the route must match. */
  regexOf({ headers, query }: CompiledRoute): string {
    const ids = [
      ...headers.map((test) => this.#id(JSON.stringify(test), (id) => ({ id, of: 'header', test }))),
      ...query.map((test) => this.#id(JSON.stringify(test), (id) => ({ id, of: 'query', test }))),
    ].sort((a, b) => a - b);
    const wanted = [...new Set(ids)].map((id) => `(?:[^ ]*;)?c${id};`);
    return `;${wanted.join('')}[^ ]*`;
  }

  #id(key: string, make: (id: number) => Condition): number {
    const known = this.#known.get(key) ?? make(this.#known.size);
    this.#known.set(key, known);
    return known.id;
  }
}
