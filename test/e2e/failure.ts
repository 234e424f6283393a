// Of a test that fails somewhere else, few lines are seen: the first of them have to be those that say why.

const shownLines = 3;
const shownCharacters = 400;

/** What failed, and the last that it said of it: what comes in between, such as a traceback, says how it came there. */
export function inShort(error: unknown): string {
  const [first = '', ...rest] = linesOf(error instanceof Error ? error.message : String(error));
  return [first, ...rest.slice(-shownLines)].map(cut).join('\n');
}

/** The end of a daemon's log, without what only says that all is well; its very last line in any case. */
export function endOfLog(text: string, count: number): string {
  const lines = linesOf(text);
  const telling = lines.filter((line, index) => index === lines.length - 1 || !isQuiet(line));
  return telling.slice(-count).map(cut).join('\n');
}

/** Of our own daemons, below a warning; of etcd as well. */
function isQuiet(line: string): boolean {
  return /^\{"level":([123]0|"(debug|info)"),/.test(line);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function cut(line: string): string {
  return line.length > shownCharacters ? `${line.slice(0, shownCharacters)}…` : line;
}
