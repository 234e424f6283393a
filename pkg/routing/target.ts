import { isLabel, isServiceName, LABEL_RULE, MAX_LABEL_LENGTH, quote } from '../resource/names';
import { releaseNumber } from '../resource/release-name';
import { SyntaxFault } from './expression';
import { encodePathText, REST } from './pattern';
import { refusePath } from './request';
import { endsWith, expandTemplate, parseTemplate, splitTemplate, variablesOf } from './template';
import type { Target, Template } from './types';

const form = 'give it as service.formation.service/path';

/**
 * `[instance or release.]service.formation.service[/path]`, with variables of the pattern in the service, the formation
 * and the path. Where pattern and path both end in `/`, what is below the one goes below the other. Throws SyntaxFault.
 */
export function parseTarget(text: string, variables: readonly string[], open: boolean): Target {
  const [name, rest] = splitTemplate(parseTemplate(text, variables), '/');
  const labels = splitLabels(name);
  const last = labels.pop();
  if (!last || !isText(last, 'service') || labels.length < 2 || labels.length > 3) {
    throw new SyntaxFault(`the target ${quote(text)} does not begin with the name of a service: ${form}`, 1);
  }
  const [formation, service, qualifier] = labels.reverse() as [Template, Template, Template | undefined];
  checkLabel(service, 'service', isServiceName);
  checkLabel(formation, 'formation', isLabel);
  return {
    service,
    formation,
    ...(qualifier && parseQualifier(qualifier)),
    ...(rest.length > 0 && { path: targetPath(rest, text, open) }),
  };
}

function splitLabels(name: Template): Template[] {
  const labels: Template[] = [];
  let left = name;
  for (;;) {
    const [label, rest] = splitTemplate(left, '.');
    labels.push(label);
    const [dot, ...others] = rest;
    if (dot?.kind !== 'text') return labels;
    const text = dot.text.slice(1);
    left = text === '' ? others : [{ kind: 'text', text }, ...others];
  }
}

function isText(template: Template, text: string): boolean {
  return template.length === 1 && template[0]?.kind === 'text' && template[0].text === text;
}

/** Literal pieces must leave a chance that the whole becomes a name. */
function checkLabel(label: Template, what: string, isName: (text: string) => boolean): void {
  const shown = label.map((piece) => (piece.kind === 'text' ? piece.text : `{${piece.name}}`)).join('');
  // Any value of one letter: if not even that makes a name, none does.
  const sample = label.map((piece) => (piece.kind === 'text' ? piece.text : 'x')).join('');
  if (isName(sample)) return;
  const rule =
    sample.length > MAX_LABEL_LENGTH ? `it is longer than ${MAX_LABEL_LENGTH} characters` : LABEL_RULE;
  throw new SyntaxFault(
    shown === ''
      ? `the target names no ${what}: ${form}`
      : `the target's ${what} ${quote(shown)} is not allowed: ${rule}`,
    1,
  );
}

function parseQualifier(template: Template): { instance: string } | { release: string } {
  const text = expandTemplate(template, {});
  if (variablesOf(template).length > 0) {
    throw new SyntaxFault('an instance or a release in a target cannot be a variable', 1);
  }
  if (releaseNumber(text) !== undefined) return { release: text };
  if (text.length <= MAX_LABEL_LENGTH && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text))
    return { instance: text };
  throw new SyntaxFault(`${quote(text)} is neither an instance, such as 1, nor a release, such as v2`, 1);
}

function targetPath(rest: Template, text: string, open: boolean): Template {
  const path = rest.map((piece) => {
    if (piece.kind === 'variable') return piece;
    const at = piece.text.search(/[\0-\x20\x7f"#<>?\\^`{|}]|%(?![0-9A-Fa-f]{2})/);
    if (at >= 0) throw badPath(piece.text[at] as string, text);
    return { ...piece, text: encodePathText(piece.text, 1) };
  });
  const sample = path.map((piece) => (piece.kind === 'text' ? piece.text : 'x')).join('');
  const reason = refusePath(sample);
  if (reason) throw new SyntaxFault(`the target's path cannot be asked for: ${reason}`, 1);
  return open && endsWith(path, '/') ? [...path, { kind: 'variable', name: REST }] : path;
}

function badPath(char: string, text: string): SyntaxFault {
  if (char === '?') {
    return new SyntaxFault('a target has no query: that of the request is kept', text.indexOf(char) + 1);
  }
  return new SyntaxFault(
    `${JSON.stringify(char)} is no character of a path: write it percent-encoded`,
    text.indexOf(char) + 1,
  );
}
