import type { Route } from '../resource/objects';
import { compileRoute } from './compile';
import { plainVariables, REST } from './pattern';
import type { CompiledRoute, Part, Pattern } from './types';

/** All routes, most specific first: the order in which they are tried. Throws InvalidError for one that does not compile. */
export function orderRoutes(routes: readonly Route[]): CompiledRoute[] {
  return routes.map(compileRoute).sort(compareRoutes);
}

/**
 * Which of two routes is tried first. In the Gateway API's order, made precise where that leaves room:
 *
 * 1. The host: one without variables, then one with, then none. Of two with variables: the one with more literal
 *    characters; then by its variables. So the routes of one host stand together.
 * 2. The path: the longest beginning without variables; with that the same, one without variables that has to match as
 *    a whole; more literal characters in all; then by its variables.
 *
 *    By variables: none that takes more than a label or a segment is before one that does, and that before all that is
 *    below a final `/`; then fewer that take any label or segment; then fewer with an expression of their own; then
 *    whose expression comes first.
 * 3. One that names methods.
 * 4. More headers.
 * 5. More query parameters.
 * 6. The older one.
 * 7. The one whose formation and name come first.
 */
export function compareRoutes(left: CompiledRoute, right: CompiledRoute): number {
  return (
    compareHosts(left.host, right.host) ||
    comparePaths(left.path, right.path) ||
    Number(right.route.spec.methods.length > 0) - Number(left.route.spec.methods.length > 0) ||
    right.headers.length - left.headers.length ||
    right.query.length - left.query.length ||
    createdMs(left) - createdMs(right) ||
    compareTexts(left.id, right.id)
  );
}

function compareHosts(left: Pattern | undefined, right: Pattern | undefined): number {
  if (!left || !right) return Number(!left) - Number(!right);
  return (
    Number(right.exact) - Number(left.exact) ||
    literalLength(right) - literalLength(left) ||
    compareVariables(left, right) ||
    compareTexts(left.regex, right.regex)
  );
}

function comparePaths(left: Pattern, right: Pattern): number {
  return (
    right.prefix.length - left.prefix.length ||
    Number(right.exact) - Number(left.exact) ||
    literalLength(right) - literalLength(left) ||
    compareVariables(left, right) ||
    // Whether what is below is captured makes no difference to what matches.
    compareTexts(withoutRest(left.regex), withoutRest(right.regex))
  );
}

function literalLength({ parts }: Pattern): number {
  return parts.reduce((sum, part) => sum + (part.kind === 'text' ? part.text.length : 0), 0);
}

const reaches = ['own', 'variable', 'below'];

function compareVariables(left: Pattern, right: Pattern): number {
  return (
    reaches.indexOf(left.reach) - reaches.indexOf(right.reach) ||
    countVariables(left, true) - countVariables(right, true) ||
    countVariables(left, false) - countVariables(right, false)
  );
}

function countVariables({ parts }: Pattern, plain: boolean): number {
  const isPlain = (part: Part) => part.kind === 'variable' && plainVariables.has(part.regex);
  return parts.filter((part) => part.kind === 'variable' && part.name !== REST && isPlain(part) === plain)
    .length;
}

function withoutRest(regex: string): string {
  return regex.replace(/\/\(\.\*\)\$$/, '/.*$');
}

function createdMs({ route }: CompiledRoute): number {
  return route.metadata.created?.getTime() ?? 0;
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
