import { execFile } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { PreconditionError } from '../../../pkg/base/errors';
import { READ_FILES, type SourceTree } from '../../../pkg/builder/tree';
import type { Context } from '../context';
import type { Head } from './git';
import { type Entry, hashOf, isApart, parseBatch, parseTree, treeOf } from './git-entries';

type Surroundings = Pick<Context, 'env' | 'signal'>;

/** A directory as it is in HEAD: what is built, and by what it is known. */
export interface Source extends Head {
  /** SHA-256 of the tree, in hexadecimal. The manifest is no part of it: to change it builds nothing anew. */
  readonly hash: string;
  readonly tree: SourceTree;
}

/**
 * Reads directories at once, with four calls of git for each repository, however many they are. Says for each what it
 * is, or why it cannot be built.
 */
export async function readSources(
  directories: readonly string[],
  around: Surroundings,
): Promise<ReadonlyMap<string, Source | PreconditionError>> {
  const found = new Map<string, Source | PreconditionError>();
  const repositories = new Map<string, { readonly directory: string; readonly path: string }[]>();
  for (const directory of new Set(directories)) {
    const real = statSync(directory, { throwIfNoEntry: false })?.isDirectory()
      ? realpathSync(directory)
      : undefined;
    const top = real === undefined ? undefined : topOf(real);
    if (real === undefined) found.set(directory, new PreconditionError(`${directory} is not a directory`));
    else if (top === undefined) found.set(directory, notInGit(directory));
    else {
      const path = relative(top, real).split(sep).join('/');
      repositories.set(top, [...(repositories.get(top) ?? []), { directory, path }]);
    }
  }
  await Promise.all(
    [...repositories].map(async ([top, wanted]) => {
      const read = await new Repository(top, around).read(wanted);
      for (const [directory, source] of read) found.set(directory, source);
    }),
  );
  return found;
}

class Repository {
  constructor(
    private readonly top: string,
    private readonly around: Surroundings,
  ) {}

  async read(wanted: readonly { readonly directory: string; readonly path: string }[]) {
    const head = await this.#git(['log', '-1', '--format=%H%x00%s']).catch(
      (error: unknown) => error as GitError,
    );
    if (typeof head !== 'string') {
      return wanted.map(({ directory }) => [directory, explain(head, directory)] as const);
    }
    const [commit = '', subject = ''] = head.trim().split('\0');
    const paths = wanted.some(({ path }) => path === '') ? [] : wanted.map(({ path }) => path);
    const [listed, status] = await Promise.all([
      this.#git(['ls-tree', '-rz', '--full-tree', commit, '--', ...paths]),
      this.#git(['status', '--porcelain', '-z', '--no-renames', '--', ...paths]),
    ]);
    const entries = parseTree(listed);
    const changed = status.split('\0').flatMap((line) => (line === '' ? [] : [line.slice(3)]));
    const texts = await this.#texts(wanted, entries);
    return wanted.map(({ directory, path }) => {
      const below = path === '' ? '' : `${path}/`;
      const own = entries.flatMap((entry) =>
        entry.path.startsWith(below) ? [{ ...entry, path: entry.path.slice(below.length) }] : [],
      );
      if (own.length === 0) {
        const what = `nothing of ${directory} is committed`;
        return [directory, new PreconditionError(`${what}: git add . && git commit`)] as const;
      }
      const source: Source = {
        directory,
        commit,
        subject,
        uncommitted: changed.filter((each) => each.startsWith(below) && !isApart(each.slice(below.length)))
          .length,
        submodules: own.filter(({ mode }) => mode === '160000').map((entry) => entry.path),
        hash: hashOf(own),
        tree: treeOf(own, texts),
      };
      return [directory, source] as const;
    });
  }

  /** The files that say how trees are built, by their ids. */
  async #texts(
    wanted: readonly { readonly path: string }[],
    entries: readonly Entry[],
  ): Promise<ReadonlyMap<string, string>> {
    const roots = new Set(wanted.map(({ path }) => path));
    const ids = entries.flatMap(({ path, id, mode }) => {
      const slash = path.lastIndexOf('/');
      const read = roots.has(path.slice(0, Math.max(0, slash))) && READ_FILES.has(path.slice(slash + 1));
      return read && mode.startsWith('100') ? [id] : [];
    });
    const unique = [...new Set(ids)];
    if (unique.length === 0) return new Map();
    return parseBatch(await this.#run(['cat-file', '--batch'], `${unique.join('\n')}\n`));
  }

  async #git(words: readonly string[]): Promise<string> {
    return (await this.#run(words)).toString('utf8');
  }

  #run(words: readonly string[], input?: string): Promise<Buffer> {
    const { env, signal } = this.around;
    return new Promise((resolve, reject) => {
      const child = execFile(
        'git',
        [...words],
        {
          cwd: this.top,
          // Messages in one language, and no lock taken by what only looks.
          env: { ...env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' },
          signal,
          maxBuffer: 256 * 2 ** 20,
          encoding: 'buffer',
        },
        (error, stdout, stderr) => {
          if (error) reject(Object.assign(error as Error, { said: stderr.toString('utf8') }));
          else resolve(stdout);
        },
      );
      child.stdin?.on('error', () => {});
      if (input !== undefined) child.stdin?.end(input);
    });
  }
}

interface GitError extends NodeJS.ErrnoException {
  readonly said?: string;
}

function topOf(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    if (statSync(join(at, '.git'), { throwIfNoEntry: false })) return at;
    if (at === dirname(at)) return undefined;
  }
}

function notInGit(directory: string): PreconditionError {
  return new PreconditionError(
    `${directory} is not in a git repository, and an image is built of a commit: git init && git add . && git commit -m first`,
  );
}

function explain(error: GitError, directory: string): PreconditionError {
  const said = (error.said ?? '').trim();
  const options = { cause: error };
  if (error.code === 'ENOENT') {
    return new PreconditionError(
      'git is not installed here, and an image is built of a commit: install git',
      options,
    );
  }
  if (/does not have any commits|bad default revision/.test(said)) {
    return new PreconditionError(
      `${directory} has no commit yet, and an image is built of a commit: git add . && git commit -m first`,
      options,
    );
  }
  if (/dubious ownership/.test(said)) {
    return new PreconditionError(
      `${directory} belongs to another user, so git does not read it: git config --global --add safe.directory ${directory}`,
      options,
    );
  }
  if (/not a git repository/.test(said)) return notInGit(directory);
  return new PreconditionError(`git: ${said || error.message}`, options);
}
