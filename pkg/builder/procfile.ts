import type { FieldViolation } from '../base/errors';
import { InvalidError } from '../base/errors';
import { isLabel, labelViolation, quote } from '../resource/names';

/** The most processes one app may have. */
export const MAX_PROCESSES = 64;

const line = /^([^\s:#]+)[ \t]*:[ \t]*(.*)$/;

/**
 * The processes of a Procfile, in its order: name → command line. A line is `NAME: COMMAND`; blank lines and lines that
 * begin with `#` say nothing. Throws one InvalidError for all that is wrong, each with its line.
 */
export function parseProcfile(text: string): ReadonlyMap<string, string> {
  const commands = new Map<string, string>();
  const lineOf = new Map<string, number>();
  const wrong: FieldViolation[] = [];
  text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .forEach((raw, index) => {
      const content = raw.trim();
      if (content === '' || content.startsWith('#')) return;
      const number = index + 1;
      const refuse = (description: string) =>
        wrong.push({ field: `Procfile:${number}`, description: `Procfile line ${number}: ${description}` });
      const match = line.exec(content);
      const name = match?.[1];
      const command = match?.[2]?.trim();
      const earlier = lineOf.get(name ?? '');
      if (name === undefined) refuse(`${quote(content)} is not of the form NAME: COMMAND`);
      else if (!isLabel(name)) refuse(labelViolation('process name', name));
      else if (!command) refuse(`process ${name} has no command: write it after the colon`);
      else if (command.includes('\0')) refuse(`the command of process ${name} has a NUL character`);
      else if (earlier !== undefined) refuse(`process ${name} is there twice, first on line ${earlier}`);
      else {
        commands.set(name, command);
        lineOf.set(name, number);
      }
    });
  if (wrong.length === 0 && commands.size === 0) {
    wrong.push({ field: 'Procfile', description: 'Procfile names no process: add a line like web: COMMAND' });
  }
  if (commands.size > MAX_PROCESSES) {
    const description = `Procfile names ${commands.size} processes: at most ${MAX_PROCESSES} are allowed`;
    wrong.push({ field: 'Procfile', description });
  }
  const first = wrong[0];
  if (first) {
    const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
    throw new InvalidError(first.description + more, wrong);
  }
  return commands;
}
