/** How programs say that a name could not be resolved; the host where they say it. Most network outages look so in a container. */
const PATTERNS: readonly RegExp[] = [
  // apt
  /(?:Temporary failure resolving|Could not resolve) '(?<host>[\w.-]+)'/,
  // curl, git, cargo; wget
  /Could not resolve host: (?<host>[\w.-]+)/i,
  /unable to resolve host address ['"‘“](?<host>[\w.-]+)/,
  // npm, and everything else on Node
  /getaddrinfo (?:EAI_AGAIN|ENOTFOUND) (?<host>[\w.-]+)/,
  // Go
  /lookup (?<host>[\w.-]+)(?: on \S+)?: (?:no such host|server misbehaving|i\/o timeout|Temporary failure)/,
  // Alpine: busybox, apk
  /bad address '(?<host>[\w.-]+)'/,
  /fetching https?:\/\/(?<host>[\w.-]+)\S*: (?:temporary error|DNS lookup error)/,
  // pip, gem and whoever else passes on the words of the C library
  /Temporary failure in name resolution|Name or service not known/,
];

/** What could not be resolved by what a program has printed: `deb.debian.org`, or `a name` where it does not say. */
export function unresolvedName(text: string): string | undefined {
  for (const pattern of PATTERNS) {
    const match = pattern.exec(text);
    if (match) return match.groups?.['host'] ?? 'a name';
  }
  return undefined;
}
