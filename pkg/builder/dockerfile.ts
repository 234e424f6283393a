/** What a Dockerfile tells about the image that its last stage makes, as far as it can be read without building. */
export interface DockerfileFacts {
  /** The TCP ports exposed, in order. */
  readonly ports: readonly number[];
}

interface Stage {
  ports: number[];
  variables: Map<string, string>;
}

/** Reads ports; what is not understood is left to the engine, which knows the language better. */
export function readDockerfile(text: string): DockerfileFacts {
  const stages = new Map<string, Stage>();
  const globals = new Map<string, string>();
  let stage: Stage | undefined;
  for (const { keyword, rest } of instructions(text)) {
    if (keyword === 'FROM') {
      const [from = '', as, name] = rest.replace(/^(--\S+\s+)+/, '').split(/\s+/);
      const base = stages.get(from.toLowerCase());
      stage = { ports: [...(base?.ports ?? [])], variables: new Map(base?.variables) };
      if (as?.toUpperCase() === 'AS' && name) stages.set(name.toLowerCase(), stage);
    } else if (keyword === 'ARG' || keyword === 'ENV') {
      assign(rest, stage?.variables ?? globals, globals);
    } else if (keyword === 'EXPOSE' && stage) {
      for (const port of exposed(substitute(rest, stage.variables))) {
        if (!stage.ports.includes(port)) stage.ports.push(port);
      }
    }
  }
  return { ports: stage?.ports ?? [] };
}

/** The instructions, with comments left out and continued lines joined. */
function* instructions(text: string): Iterable<{ keyword: string; rest: string }> {
  const escape = /^#\s*escape\s*=\s*`\s*$/im.test(text.split(/\r?\n/, 5).join('\n')) ? '`' : '\\';
  let pending = '';
  for (const raw of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const line = raw.trimEnd();
    if (line.endsWith(escape)) {
      pending += line.slice(0, -1);
      continue;
    }
    const match = /^\s*([A-Za-z]+)\s+(.*)$/.exec(pending + line);
    pending = '';
    if (match?.[1]) yield { keyword: match[1].toUpperCase(), rest: (match[2] ?? '').trim() };
  }
}

/** `NAME=VALUE …`, `NAME VALUE` and, of an ARG, `NAME`, which takes the value of the global one. */
function assign(rest: string, into: Map<string, string>, globals: ReadonlyMap<string, string>): void {
  const pairs = [...rest.matchAll(/([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)/g)];
  if (pairs.length > 0) {
    for (const [, name = '', value = ''] of pairs) {
      into.set(name, substitute(value.replace(/^(["'])(.*)\1$/, '$2'), into));
    }
    return;
  }
  const [name = '', ...words] = rest.split(/\s+/);
  const value = words.length > 0 ? words.join(' ') : globals.get(name);
  if (value !== undefined) into.set(name, value);
}

function substitute(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (_all, braced?: string, fallback?: string, plain?: string) =>
      variables.get(braced ?? plain ?? '') ?? fallback ?? '',
  );
}

/** `8080`, `8080/tcp`, `3000-3002`; UDP ports are left out. */
function* exposed(rest: string): Iterable<number> {
  for (const word of rest.split(/\s+/)) {
    const match = /^(\d+)(?:-(\d+))?(?:\/tcp)?$/i.exec(word);
    if (!match) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), first + 15);
    for (let port = first; port <= last; port++) if (port >= 1 && port <= 65535) yield port;
  }
}
