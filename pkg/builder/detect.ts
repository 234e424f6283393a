import { InvalidError } from '../base/errors';
import { detectNode, nodeCommand } from './detect-node';
import { detectPython } from './detect-python';
import type { Detection, Kind } from './detection';
import { readDockerfile } from './dockerfile';
import { parseProcfile } from './procfile';
import type { SourceTree } from './tree';
import { CERTIFICATES, STATIC_SERVER } from './tree';

// Languages whose programs have to be compiled, or whose runtime the base image does not have.
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['go.mod', 'Go'],
  ['Cargo.toml', 'Rust'],
  ['Gemfile', 'Ruby'],
  ['pom.xml', 'Java'],
  ['build.gradle', 'Java'],
  ['build.gradle.kts', 'Kotlin'],
  ['composer.json', 'PHP'],
  ['mix.exs', 'Elixir'],
]);

/**
 * What the tree is and what it runs. An own Dockerfile comes first, then what the files at the root say. Throws
 * InvalidError, saying what to add, when that is not enough to run anything and the commands are not said elsewhere.
 */
export function detect(
  tree: SourceTree,
  { commandsElsewhere = false }: { readonly commandsElsewhere?: boolean } = {},
): Detection {
  if (tree.entries.size === 0)
    throw new InvalidError('the tree is empty: commit the source, then deploy again');
  const procfile = tree.texts.get('Procfile');
  const commands = procfile === undefined ? undefined : parseProcfile(procfile);
  const common = {
    ownCertificates: tree.entries.get(CERTIFICATES) === 'file',
    reason: reason(tree),
  };
  const dockerfile = tree.texts.get('Dockerfile');
  if (dockerfile !== undefined) {
    return {
      ...common,
      kind: 'dockerfile',
      commands: commands ?? new Map(),
      dockerfile: { text: dockerfile, ports: readDockerfile(dockerfile).ports },
    };
  }
  const node = detectNode(tree);
  const python = detectPython(tree);
  const kind: Kind = node ? 'node' : python ? 'python' : 'plain';
  if (commands) {
    if (kind === 'plain') refuseUnsupported(tree, commands);
    return { ...common, kind, commands, ...(node && { node }), ...(python && { python }) };
  }
  const start = nodeCommand(tree);
  if (start !== undefined) {
    return {
      ...common,
      kind: 'node',
      commands: new Map([['web', start]]),
      ...(node && { node }),
      ...(python && { python }),
    };
  }
  const root = node || python ? undefined : staticRoot(tree);
  if (root !== undefined) {
    return {
      ...common,
      kind: 'static',
      commands: new Map([['web', `node ${STATIC_SERVER} ${root}`]]),
    };
  }
  if (commandsElsewhere) {
    if (kind === 'plain') refuseUnsupported(tree, new Map());
    return { ...common, kind, commands: new Map(), ...(node && { node }), ...(python && { python }) };
  }
  throw new InvalidError(nothingToRun(tree, node !== undefined, python !== undefined));
}

function staticRoot(tree: SourceTree): string | undefined {
  return ['.', 'public'].find(
    (root) => tree.entries.get(root === '.' ? 'index.html' : `${root}/index.html`) === 'file',
  );
}

function reason(tree: SourceTree): string {
  const told = [
    'Dockerfile',
    'Procfile',
    'package.json',
    'package-lock.json',
    'npm-shrinkwrap.json',
    'requirements.txt',
    'pyproject.toml',
    'setup.py',
    'index.html',
    'public/index.html',
  ].filter((path) => tree.entries.get(path) === 'file');
  const relevant = told.includes('Dockerfile')
    ? told.filter((path) => path === 'Dockerfile' || path === 'Procfile')
    : told.filter((path) => told.length === 1 || !path.endsWith('index.html'));
  const last = relevant.pop() ?? 'nothing';
  return relevant.length === 0 ? `${last} found` : `${relevant.join(', ')} and ${last} found`;
}

/** Commands that begin with a file of the tree are programs brought along; anything else would not be found later. */
function refuseUnsupported(tree: SourceTree, commands: ReadonlyMap<string, string>): void {
  const language = unsupported(tree);
  if (!language) return;
  const bringsProgram = [...commands.values()].some((command) => {
    const program = command.split(/\s+/)[0]?.replace(/^\.\//, '') ?? '';
    return tree.entries.get(program) === 'file';
  });
  if (!bringsProgram) throw new InvalidError(`${language}: add a Dockerfile that builds it`);
}

function unsupported(tree: SourceTree): string | undefined {
  const [file, language] = [...UNSUPPORTED].find(([path]) => tree.entries.get(path) === 'file') ?? [];
  return file && `${file} found, but ${language} is not built without a Dockerfile`;
}

function nothingToRun(tree: SourceTree, node: boolean, python: boolean): string {
  if (node) {
    return 'package.json found, but nothing says what to run: add a start script, or a Procfile with a line like web: node server.js';
  }
  if (python) {
    return 'Python found, but nothing says what to run: add a Procfile with a line like web: python app.py';
  }
  const language = unsupported(tree);
  if (language) return `${language}: add one, and a Procfile if it has several processes`;
  return 'nothing that can be built was found at the root of the tree: add a Procfile with a line like web: COMMAND, a Dockerfile, a package.json with a start script, or an index.html';
}
