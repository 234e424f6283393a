import { draftPattern, toPattern } from '../routing/pattern';
import type { CompiledRoute } from '../routing/types';
import { coversPrefix } from './capture';

/** What of all that begins with a prefix a route takes: all, one more segment, nothing; or it is not so simple. */
export type Reach = 'all' | 'segment' | 'nothing' | 'unknown';

const sample = toPattern(draftPattern('/{segment}').path, false).parts[1];

/** The prefix must begin with that of the route. */
export function reachOf(prefix: string, { path }: CompiledRoute): Reach {
  if (coversPrefix(path)) return 'all';
  const [first, second, third] = path.parts;
  const segment =
    first?.kind === 'text' &&
    second?.kind === 'variable' &&
    sample?.kind === 'variable' &&
    second.regex === sample.regex &&
    !third;
  if (!segment || !prefix.endsWith('/')) return 'unknown';
  if (path.prefix === prefix) return 'segment';
  return prefix.slice(path.prefix.length).includes('/') ? 'nothing' : 'unknown';
}

/** In the place of the slash before the last segment of a path, and behind it: no path has one in it. */
export const mark = '<';

/** To JavaScript and to HAProxy, how a path is marked before it is looked up. A `/` at its end is before an empty segment. */
export const marking = { regex: '/([^/]*)$', replacement: `${mark}\\1${mark}` } as const;

/** What the marked form of exactly this path is. */
export function markedPath(path: string): string {
  return path.replace(new RegExp(marking.regex), `${mark}$1${mark}`);
}

/** With what the marked form of a path begins that goes on from this beginning, and has no further `/`. */
export function markedLast(prefix: string): string {
  return prefix.replace(/\/([^/]*)$/, `${mark}$1`);
}
