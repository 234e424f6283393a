import { CompactedError, InvalidError } from '../base/errors';
import { pageSizeOf } from '../resource/defaults';
import type { Kind, StoredObject } from '../resource/objects';
import type { ObjectKey, Store } from '../store/store';

/** Which part of a list is asked for. */
export interface Page {
  readonly size: number;
  /** The revision that the first page was read at; absent on the first page. */
  readonly at?: bigint;
  /** The last object of the page before. */
  readonly after?: ObjectKey;
  /** What is listed: a token of one list must not be used for another. */
  readonly query: string;
}

export interface PageResult<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
  readonly revision: bigint;
}

/** Reads `page_size` and `page_token`. Throws InvalidError. */
export function readPage(request: { pageSize: number; pageToken: string }, query: string): Page {
  if (request.pageSize < 0) throw invalid('page_size', `page_size is ${request.pageSize}: use 0 or more`);
  const size = pageSizeOf(request.pageSize);
  if (request.pageToken === '') return { size, query };
  const token = decodeToken(request.pageToken);
  if (!token) throw invalid('page_token', 'page_token was not made by this API: begin without one');
  if (token.query !== query) {
    throw invalid('page_token', 'page_token is of another list: give it with the request that it came from');
  }
  return { size, query, at: token.at, after: token.after };
}

export interface ListSpec<T extends StoredObject> {
  readonly kind: Kind<T>;
  /** Absent for all. */
  readonly formation?: string;
  readonly keep?: (object: T) => boolean;
}

/** One page in the order of keys: reads no more than it answers with. */
export async function listPage<T extends StoredObject>(
  store: Store,
  { kind, formation, keep }: ListSpec<T>,
  page: Page,
  signal: AbortSignal,
): Promise<PageResult<T>> {
  const items: T[] = [];
  let { at, after } = page;
  for (;;) {
    const found = await list(store, kind, { formation, at, after, limit: page.size }, signal);
    at = found.revision;
    for (const [index, object] of found.items.entries()) {
      if (keep && !keep(object)) continue;
      items.push(object);
      if (items.length < page.size) continue;
      const last = index === found.items.length - 1;
      return result(items, last && !found.more ? undefined : keyOf(object), { ...page, at });
    }
    const end = found.items.at(-1);
    if (!found.more || !end) return result(items, undefined, { ...page, at });
    after = keyOf(end);
  }
}

/** One page in an order of its own: reads the whole list, so only for lists that are bounded otherwise. */
export async function sortedPage<T extends StoredObject>(
  store: Store,
  { kind, formation, keep, compare }: ListSpec<T> & { readonly compare: (left: T, right: T) => number },
  page: Page,
  signal: AbortSignal,
): Promise<PageResult<T>> {
  const found = await list(store, kind, { formation, at: page.at }, signal);
  const sorted = (keep ? found.items.filter(keep) : [...found.items]).sort(compare);
  const { after } = page;
  const start = after ? sorted.findIndex((object) => sameKey(keyOf(object), after)) + 1 : 0;
  const items = sorted.slice(start, start + page.size);
  const last = items.at(-1);
  const more = start + items.length < sorted.length;
  return result(items, more && last ? keyOf(last) : undefined, { ...page, at: found.revision });
}

async function list<T extends StoredObject>(
  store: Store,
  kind: Kind<T>,
  options: { formation?: string; at?: bigint; after?: ObjectKey; limit?: number },
  signal: AbortSignal,
) {
  try {
    return await store.list(kind, options, signal);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw new CompactedError('the pages of this list are no longer kept: list again without page_token', {
      cause: error,
    });
  }
}

function result<T>(
  items: readonly T[],
  after: ObjectKey | undefined,
  page: Page & { at: bigint },
): PageResult<T> {
  const nextPageToken = after ? encodeToken({ at: page.at, after, query: page.query }) : '';
  return { items, nextPageToken, revision: page.at };
}

interface Token {
  readonly at: bigint;
  readonly after: ObjectKey;
  readonly query: string;
}

function encodeToken({ at, after, query }: Token): string {
  return Buffer.from(JSON.stringify([String(at), after.formation, after.name, query])).toString('base64url');
}

function decodeToken(text: string): Token | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 4 || parts.some((part) => typeof part !== 'string'))
      return undefined;
    const [at, formation, name, query] = parts as [string, string, string, string];
    return /^[0-9]{1,18}$/.test(at) ? { at: BigInt(at), after: { formation, name }, query } : undefined;
  } catch {
    return undefined;
  }
}

function keyOf({ metadata }: StoredObject): ObjectKey {
  return { formation: metadata.formation, name: metadata.name };
}

function sameKey(left: ObjectKey, right: ObjectKey): boolean {
  return left.formation === right.formation && left.name === right.name;
}

function invalid(field: string, description: string): InvalidError {
  return new InvalidError(description, [{ field, description }]);
}
