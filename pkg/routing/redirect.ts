import { quote } from '../resource/names';
import { SyntaxFault } from './expression';
import { encodePathText, REST } from './pattern';
import { endsWith, parseTemplate, splitTemplate, textPiece, variablesOf } from './template';
import type { Template } from './types';

export const DEFAULT_REDIRECT = 302;
export const redirectCodes: readonly number[] = [301, 302, 303, 307, 308];
const MAX_LOCATION = 2_048;

/** What of the pattern a location may be made of. */
export interface LocationVariables {
  readonly host: readonly string[];
  readonly path: readonly string[];
  /** Whether the pattern's path ends in `/`. */
  readonly open: boolean;
}

/**
 * An absolute URL or a path. Where it ends in `/` as the pattern does, what is below the one goes below the other. Only
 * what was matched in the host may be in the URL's host: a path could name a host of its sender's choice there. Throws
 * SyntaxFault.
 */
export function parseLocation(text: string, variables: LocationVariables): Template {
  if (text === '') throw new SyntaxFault('the location is missing: give a URL or a path', 1);
  if (text.length > MAX_LOCATION) {
    throw new SyntaxFault(`the location is longer than ${MAX_LOCATION} characters`, 1);
  }
  const parsed = parseTemplate(text, [...variables.host, ...variables.path]).map((piece) => {
    if (piece.kind === 'variable') return piece;
    const at = piece.text.search(/[\0-\x20\x7f"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})/);
    if (at < 0) return { ...piece, text: encodePathText(piece.text, 1) };
    const char = piece.text[at] as string;
    throw new SyntaxFault(
      `${JSON.stringify(char)} is no character of a location: write it percent-encoded`,
      text.indexOf(char) + 1,
    );
  });
  const [first] = parsed;
  const start = first?.kind === 'text' ? first.text : '';
  const scheme = /^https?:\/\//.exec(start)?.[0];
  if (scheme) checkAuthority([...textPiece(start.slice(scheme.length)), ...parsed.slice(1)], variables);
  else if (!/^\/(?!\/)/.test(start)) {
    throw new SyntaxFault(`the location ${quote(text)} is no path, nor a URL with http:// or https://`, 1);
  }
  return variables.open && endsWith(parsed, '/') && !hasQuery(parsed)
    ? [...parsed, { kind: 'variable', name: REST }]
    : parsed;
}

/** Whether the location says by itself which query there is; else that of the request is kept. */
export function hasQuery(location: Template): boolean {
  return location.some((piece) => piece.kind === 'text' && /[?#]/.test(piece.text));
}

function checkAuthority(template: Template, variables: LocationVariables): void {
  const [authority] = splitTemplate(template, '/');
  const stray = variablesOf(authority).find((name) => !variables.host.includes(name));
  if (stray !== undefined) {
    throw new SyntaxFault(
      `{${stray}} is of the path, so whoever sends the request could choose the host that it leads to: use variables of the host there`,
      1,
    );
  }
  const sample = authority.map((piece) => (piece.kind === 'text' ? piece.text : 'x')).join('');
  if (!/^[A-Za-z0-9_](?:[-.A-Za-z0-9_]*)(?::[0-9]{1,5})?$/.test(sample)) {
    throw new SyntaxFault(`the location's host ${quote(sample)} is not the name of a host`, 1);
  }
}
