import { execFile, spawn } from 'node:child_process';
import { PreconditionError } from '../../../pkg/base/errors';
import type { Context } from '../context';
import { appFileName } from './app-file';

/** What git is run with. */
type Surroundings = Pick<Context, 'env' | 'signal'>;

/** What `gilliam deploy` sends: the commit that is checked out, as far as it concerns one directory. */
export interface Head {
  readonly directory: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
  readonly subject: string;
  /** How many files of the directory differ from the commit or are not in it. */
  readonly uncommitted: number;
  /** Paths of submodules: git archives them as empty directories. */
  readonly submodules: readonly string[];
}

export async function readHead(directory: string, around: Surroundings): Promise<Head> {
  const git = (...words: string[]) => runGit(directory, words, around);
  await git('rev-parse', '--show-toplevel').catch((error: unknown) => {
    throw explain(error, directory);
  });
  const commit = await git('rev-parse', '--verify', '--quiet', 'HEAD^{commit}').catch((error: unknown) => {
    throw new PreconditionError(
      `${directory} has no commit yet, and a deploy is of a commit: git add . && git commit -m first`,
      { cause: error },
    );
  });
  const [subject, status, tree] = await Promise.all([
    git('log', '-1', '--format=%s', commit.trim()),
    git('status', '--porcelain', '--', '.', `:(exclude)${appFileName}`),
    git('ls-tree', '-rz', commit.trim()),
  ]);
  return {
    directory,
    commit: commit.trim(),
    subject: subject.trim(),
    uncommitted: status.split('\n').filter((line) => line !== '').length,
    submodules: tree.split('\0').flatMap((entry) => /^160000 commit \w+\t(.*)$/s.exec(entry)?.[1] ?? []),
  };
}

/** Who deploys: as git knows them. Empty when it does not. */
export async function readAuthor(directory: string, around: Surroundings): Promise<string> {
  const value = async (key: string) =>
    (await runGit(directory, ['config', key], around).catch(() => '')).trim();
  const [name, email] = await Promise.all([value('user.name'), value('user.email')]);
  return name && email ? `${name} <${email}>` : name || email;
}

/** The directory, as it is in the commit, as a tar archive. */
export async function* archive(head: Head, around: Surroundings): AsyncGenerator<Uint8Array> {
  // Run in a subdirectory, git archives that directory, with paths from there.
  const child = spawn('git', ['archive', '--format=tar', head.commit], {
    cwd: head.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: gitEnv(around.env),
    signal: around.signal,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-1000)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // It is awaited below; until then a failure must not count as unhandled.
  ended.catch(() => {});
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const code = await ended;
    if (code !== 0) throw notArchived(head, said);
  } finally {
    child.kill();
  }
}

function notArchived(head: Head, said: string): PreconditionError {
  const what = `${head.directory} at ${head.commit.slice(0, 7)}`;
  return /untracked/.test(said)
    ? new PreconditionError(`nothing of ${what} is committed: git add . && git commit`)
    : new PreconditionError(`git cannot archive ${what}: ${said.trim()}`);
}

function runGit(directory: string, words: readonly string[], around: Surroundings): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      [...words],
      { cwd: directory, env: gitEnv(around.env), signal: around.signal, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        if (error) reject(Object.assign(error as Error, { said: stderr }));
        else resolve(stdout);
      },
    );
  });
}

/** Messages in one language, and no lock taken by what only looks. */
function gitEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
}

function explain(thrown: unknown, directory: string): unknown {
  const error = thrown as NodeJS.ErrnoException & { readonly said?: string };
  const said = error.said ?? '';
  const options = { cause: error };
  if (error.code === 'ENOENT') {
    return new PreconditionError(
      'git is not installed here, and a deploy is of a git commit: install git',
      options,
    );
  }
  if (/not a git repository/.test(said)) {
    return new PreconditionError(
      `${directory} is not in a git repository, and a deploy is of a commit: git init && git add . && git commit -m first`,
      options,
    );
  }
  if (/dubious ownership/.test(said)) {
    return new PreconditionError(
      `${directory} belongs to another user, so git does not read it: git config --global --add safe.directory ${directory}`,
      options,
    );
  }
  return said ? new PreconditionError(`git: ${said.trim()}`, options) : error;
}
