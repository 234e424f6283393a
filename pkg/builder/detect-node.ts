import { InvalidError, messageOf } from '../base/errors';
import { quote } from '../resource/names';
import type { NodeApp } from './detection';
import type { SourceTree } from './tree';

const LOCKS = ['package-lock.json', 'npm-shrinkwrap.json'];
// npm reads yarn's lock file where there is none of its own.
const MANIFESTS = ['package.json', ...LOCKS, 'yarn.lock', '.npmrc'];
// Of a tree itself, these run while its dependencies are installed.
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare'];
const DEPENDENCIES = ['dependencies', 'optionalDependencies', 'peerDependencies'];

type Json = Readonly<Record<string, unknown>>;

/** Undefined without a package.json. Throws InvalidError for one that is not JSON. */
export function detectNode(tree: SourceTree): NodeApp | undefined {
  const manifest = readManifest(tree);
  if (!manifest) return undefined;
  const scripts = object(manifest['scripts']);
  const buildScript = ['heroku-postbuild', 'build'].find((name) => text(scripts[name]));
  const treeFirst = whyTreeFirst(manifest);
  const needed =
    buildScript !== undefined ||
    manifest['workspaces'] !== undefined ||
    INSTALL_SCRIPTS.some((name) => text(scripts[name])) ||
    DEPENDENCIES.some((name) => Object.keys(object(manifest[name])).length > 0);
  // A tree that has its node_modules in it is meant to be used as it is.
  const install = !needed || tree.entries.get('node_modules') === 'directory' ? 'none' : undefined;
  const locked = LOCKS.some((lock) => tree.entries.get(lock) === 'file');
  return {
    install: install ?? (locked ? 'ci' : 'install'),
    manifests: MANIFESTS.filter((name) => tree.entries.get(name) === 'file'),
    ...(treeFirst !== undefined && { treeFirst }),
    ...(buildScript !== undefined && { buildScript }),
  };
}

/** What package.json says to run: its start script, else its main file. */
export function nodeCommand(tree: SourceTree): string | undefined {
  const manifest = readManifest(tree);
  if (!manifest) return undefined;
  if (text(object(manifest['scripts'])['start'])) return 'npm start';
  const main = text(manifest['main'])?.replace(/^\.\//, '');
  const found = [main, main && `${main}.js`, main && `${main}/index.js`, 'server.js', 'index.js'].find(
    (path) => path && tree.entries.get(path) === 'file',
  );
  return found && `node ${quoteForShell(found)}`;
}

function readManifest(tree: SourceTree): Json | undefined {
  const content = tree.texts.get('package.json');
  if (content === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new InvalidError(`package.json is not JSON: ${messageOf(error).replace(/\s+/g, ' ')}`, [], {
      cause: error,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new InvalidError('package.json is not a JSON object');
  }
  return parsed as Json;
}

function whyTreeFirst(manifest: Json): string | undefined {
  const scripts = object(manifest['scripts']);
  const script = INSTALL_SCRIPTS.find((name) => text(scripts[name]));
  if (script !== undefined) return `its ${script} script may need any file`;
  if (manifest['workspaces'] !== undefined) return 'it has workspaces';
  const local = [...DEPENDENCIES, 'devDependencies']
    .flatMap((name) => Object.entries(object(manifest[name])))
    .find(([, version]) => /^(file:|link:|\.|~\/|\/)/.test(text(version) ?? ''));
  return local && `its dependency ${quote(local[0])} is in the tree`;
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function quoteForShell(word: string): string {
  return /^[\w./@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
