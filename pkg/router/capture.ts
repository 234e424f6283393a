import { escapeText } from '../routing/print-expression';
import type { CompiledRoute, Pattern, Template } from '../routing/types';

/** HAProxy knows `\1` to `\9`. */
export const maxGroups = 9;

/** The pattern's expression, without anchors, in which only the named variables are groups. */
export function expressionOf(pattern: Pick<Pattern, 'parts' | 'exact'>, captured: readonly string[]): string {
  const inner = pattern.parts.map((part) => {
    if (part.kind === 'text') return escapeText(part.text);
    return captured.includes(part.name) ? `(${part.regex})` : `(?:${part.regex})`;
  });
  return inner.join('') + (endsOpen(pattern) ? '.*' : '');
}

/** Whether whatever begins with the pattern's prefix matches. */
export function coversPrefix(pattern: Pattern): boolean {
  const [first, second, third] = pattern.parts;
  if (first?.kind !== 'text' || third) return false;
  return second ? second.kind === 'variable' && second.regex === '.*' : endsOpen(pattern);
}

/** The groups of an expression over `<host><between><path>`, numbered by the order of the variables. */
export interface Groups {
  readonly regex: string;
  readonly numberOf: ReadonlyMap<string, number>;
}

/** Matches a route's host and path, one behind the other. Undefined where more variables are asked for than there can be groups. */
export function groupsOf(route: CompiledRoute, names: Iterable<string>, between: string): Groups | undefined {
  const wanted = new Set(names);
  const captured = [...(route.host?.variables ?? []), ...route.path.variables].filter((name) =>
    wanted.has(name),
  );
  if (captured.length > maxGroups) return undefined;
  const host = route.host ? expressionOf(route.host, captured) : '[^ /]*';
  return {
    regex: `${host}${between}${expressionOf(route.path, captured)}`,
    numberOf: new Map(captured.map((name, index) => [name, index + 1])),
  };
}

export function variablesOf(template: Template): string[] {
  return template.flatMap((piece) => (piece.kind === 'variable' ? [piece.name] : []));
}

function endsOpen({ parts, exact }: Pick<Pattern, 'parts' | 'exact'>): boolean {
  const last = parts.at(-1);
  return !exact && last?.kind === 'text' && last.text.endsWith('/');
}
