import { quote } from '../resource/names';
import { suggestion } from '../resource/suggest';
import { SyntaxFault } from './expression';
import type { Piece, Template } from './types';

const variable = /^\{([A-Za-z][A-Za-z0-9_]*)\}/;

/** `{name}` stands for a variable, `{{` and `}}` for braces. Throws SyntaxFault. `offset` is added to columns. */
export function parseTemplate(text: string, known: readonly string[], offset = 0): Template {
  const pieces: Piece[] = [];
  let literal = '';
  const flush = () => {
    if (literal !== '') pieces.push({ kind: 'text', text: literal });
    literal = '';
  };
  for (let at = 0; at < text.length;) {
    const char = text[at] as string;
    if (!'{}'.includes(char)) {
      literal += char;
      at++;
      continue;
    }
    if (text[at + 1] === char) {
      literal += char;
      at += 2;
      continue;
    }
    const found = variable.exec(text.slice(at));
    if (!found)
      throw new SyntaxFault(
        `a variable has the form {name} here; write ${char}${char} for the character`,
        offset + at + 1,
      );
    const name = found[1] as string;
    if (!known.includes(name)) {
      throw new SyntaxFault(
        `the pattern has no variable ${quote(name)}: ${suggestion(name, known)}`,
        offset + at + 1,
      );
    }
    flush();
    pieces.push({ kind: 'variable', name });
    at += found[0].length;
  }
  flush();
  return pieces;
}

/** The template with the variables' values, as they are. */
export function expandTemplate(template: Template, variables: Readonly<Record<string, string>>): string {
  return template
    .map((piece) => {
      if (piece.kind === 'text') return piece.text;
      return Object.hasOwn(variables, piece.name) ? variables[piece.name] : '';
    })
    .join('');
}

/** The template up to the first character of the kind in its text, and what begins with it. */
export function splitTemplate(template: Template, char: string): readonly [before: Template, rest: Template] {
  for (const [index, piece] of template.entries()) {
    if (piece.kind !== 'text') continue;
    const at = piece.text.indexOf(char);
    if (at < 0) continue;
    const before = textPiece(piece.text.slice(0, at));
    return [
      [...template.slice(0, index), ...before],
      [...textPiece(piece.text.slice(at)), ...template.slice(index + 1)],
    ];
  }
  return [template, []];
}

export function endsWith(template: Template, char: string): boolean {
  const last = template.at(-1);
  return last?.kind === 'text' && last.text.endsWith(char);
}

export function textPiece(text: string): Template {
  return text === '' ? [] : [{ kind: 'text', text }];
}

/** The names of its variables. */
export function variablesOf(template: Template): readonly string[] {
  return template.flatMap((piece) => (piece.kind === 'variable' ? [piece.name] : []));
}
