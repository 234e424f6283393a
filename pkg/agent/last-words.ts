/**
 * Of the lines that a program printed before it ended, the one that says why: mostly the last, but runtimes go on behind
 * it, with where it happened, what else the error has, and who they are. Undefined where there is none.
 */
export function lastWords(lines: readonly string[]): string | undefined {
  const said = lines.filter((line) => line.trim() !== '');
  // Of Go: what follows is a trace whose lines look as any.
  const panic = said.findLast((line) => /^(panic|fatal error): /.test(line));
  return (panic ?? said.findLast((line) => !isBehind(line)) ?? said.at(-1))?.trim().replace(/ \{$/, '');
}

/** Traces are indented, by all; the rest is Node's. */
function isBehind(line: string): boolean {
  return /^(\s|[}\]]+$|Node\.js v\d|Emitted '.*' event (on .* )?at:$)/.test(line);
}
