/** The text as one word of HAProxy's configuration. It cannot hold line ends: nothing of ours does. */
export function word(text: string): string {
  if (/^[-\w./:,@=+{}()[\]^|?*<>!~]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Text within a log-format string: what looks like a variable is none. */
export function literal(text: string): string {
  return text.replaceAll('%', '%%');
}

/** Text within what replaces a match: `\1` is a group there. */
export function replacement(text: string): string {
  return literal(text).replaceAll('\\', '\\\\');
}

/** An argument of a converter, before the quotes of the word that it is in. */
export function argument(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A regular expression as the key of a map's line, which a blank would end. */
export function mapKey(regex: string): string {
  return regex.replaceAll(' ', '\\x20');
}

/** The text and a line end as one word. */
export function line(text: string): string {
  return `"${text.replace(/["\\$]/g, '\\$&')}\\n"`;
}
