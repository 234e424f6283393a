/** A command that could not be begun: told as by a shell. */
export interface Unrunnable {
  /** 127: it is not there. 126: it is, and cannot be run. */
  readonly code: 126 | 127;
  /** What, why, and what to do. */
  readonly line: string;
  /** How many characters of what was printed say so: a line, without its end. */
  readonly characters: number;
}

const patterns = [
  // The engine, of a command beside a container's own.
  /^OCI runtime exec failed: [^\r\n]*\bexec: "(?<command>[^"]*)": (?<reason>[^\r\n]*?)(?:: unknown)?(?=\r?\n|$)/,
  // A container's init (tini), of the command that it was to become.
  /^\[FATAL tini \(\d+\)\] exec (?<command>[^\r\n]*) failed: (?<reason>[^\r\n]*)/,
];

/** It prints its line in parts. */
const begun = /^\[FATAL tini \(\d+\)\] [^\n]{0,4000}$/;

/** What runs the engine's containers, once it is past its own checks: anybody might print this. */
const runtime =
  /^exec (?<command>[^\r\n]*): (?<reason>no such file or directory|permission denied|exec format error)(?=\r?\n?$)/;

/**
 * What the first that was printed says of the command, if it is that it could not be begun. Those who begin it speak of
 * themselves, on the command's own streams. `command`: what was to be begun, where that is known.
 */
export function unrunnable(printed: string, command?: string): Unrunnable | undefined {
  const found = patterns.map((pattern) => pattern.exec(printed)).find((match) => match !== null);
  const match = found ?? runtime.exec(printed);
  const { command: named = '', reason = '' } = match?.groups ?? {};
  if (!match || (!found && named !== command)) return undefined;
  const characters = match[0].length;
  const quoted = JSON.stringify(named);
  const advice = 'name a command of the image, or the path of one';
  if (/not found|no such file/i.test(reason)) {
    // Of a script it may be its interpreter: who asks the kernel is not told which.
    const orScript = named.includes('/') ? ', or what its first line says is to run it is not' : '';
    return { code: 127, line: `there is no ${quoted} here${orScript}: ${advice}`, characters };
  }
  const why = /permission denied/i.test(reason)
    ? 'it is not executable (chmod +x), or a directory'
    : reason.toLowerCase();
  return { code: 126, line: `${quoted} cannot be run: ${why}: ${advice}`, characters };
}

/** Whether what was printed so far is the beginning of such a line, and not its end. */
export function isBeginning(printed: string): boolean {
  return begun.test(printed);
}
