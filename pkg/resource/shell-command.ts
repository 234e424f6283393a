// What only the shell can do: `exec` would look for a program of that name.
const builtins = new Set(
  (
    '. : [[ alias bg break builtin case cd command continue declare do done elif else esac eval exec exit export fg fi ' +
    'for function getopts hash if in jobs let local read readonly return select set shift shopt source then time times ' +
    'trap type typeset ulimit umask unalias unset until wait while { } !'
  ).split(' '),
);
// Inside of double quotes, too, `$(` is not looked into.
const wordPiece =
  /^(?:'[^']*'|"(?:[^"\\`$]|\\.|\$(?![({])|\$\{[^{}"'`]*\})*"|\\.|\$\{[^{}"'`]*\}|[^\s'"\\`&|;()<>])/;
const assignment = /^[A-Za-z_]\w*=/;

/**
 * The command of a Procfile's line. The shell stays in front of what it starts, dies of SIGTERM itself, and takes what
 * it has started along, unwarned. So the last program of the line replaces it, where that changes nothing else; lines
 * beyond that are left as they are.
 */
export function shellCommand(line: string): string[] {
  const at = lastProgram(line);
  return ['/bin/sh', '-c', at === undefined ? line : `${line.slice(0, at)}exec ${line.slice(at)}`];
}

/** Where the program's name begins that runs last and in the shell itself; undefined where there is doubt. */
function lastProgram(line: string): number | undefined {
  const words: { text: string; at: number }[] = [];
  // A set trap, or a function, would be lost.
  let apart = true;
  for (let i = 0; i < line.length;) {
    const rest = line.slice(i);
    const blank = /^[ \t]+/.exec(rest);
    const separator = /^(?:&&|\|\||;(?!;))/.exec(rest);
    if (blank ?? separator) {
      if (separator) words.length = 0;
      apart = true;
      i += (blank ?? separator)?.[0].length ?? 1;
      continue;
    }
    // Descriptors may be copied: `2>&1`. Pipes, jobs, subshells, here-documents and comments are not looked into.
    const redirection = /^[0-9]*(?:>>|>|<)(?:&[0-9])?/.exec(apart ? rest : '') ?? /^(?:>>|>|<)/.exec(rest);
    if (redirection && words.length === 0) return undefined;
    const piece = redirection ?? wordPiece.exec(rest);
    if (!piece || rest.startsWith('<<') || (apart && rest.startsWith('#'))) return undefined;
    const last = words.at(-1);
    if (apart || !last) words.push({ text: piece[0], at: i });
    else last.text += piece[0];
    apart = false;
    i += piece[0].length;
  }
  if (/(?:^|[\s;&|])(?:trap|alias)\s/.test(line)) return undefined;
  const program = words.find(({ text }) => !assignment.test(text));
  if (!program || builtins.has(program.text)) return undefined;
  return program.at;
}
