import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Files } from './configuration';

const current = 'current';
const fingerprintFile = 'fingerprint';

/**
 * HAProxy's files. A new structure is a directory of its own, put in the place of the last one in one step; files
 * within are replaced in one step each. So whenever HAProxy is started or reloaded, it reads what is true.
 */
export class Generations {
  constructor(private readonly directory: string) {}

  /** Of the structure that the current files are of; undefined where there are none. */
  get fingerprint(): string | undefined {
    try {
      return readFileSync(join(this.directory, current, fingerprintFile), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Writes a generation, not yet in place. Answers with its directory. */
  write(files: Files, fingerprint: string): string {
    const numbers = this.#generations();
    const directory = join(this.directory, `generation-${Math.max(0, ...numbers) + 1}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const [name, content] of files) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, content, { mode: 0o600 });
    }
    writeFileSync(join(directory, fingerprintFile), fingerprint, { mode: 0o600 });
    return directory;
  }

  /** Makes a generation the current one, and removes the others. */
  use(directory: string): void {
    const link = join(this.directory, `${current}.new`);
    rmSync(link, { force: true });
    symlinkSync(directory, link);
    renameSync(link, join(this.directory, current));
    for (const number of this.#generations()) {
      const other = join(this.directory, `generation-${number}`);
      if (other !== directory) this.discard(other);
    }
  }

  discard(directory: string): void {
    rmSync(directory, { recursive: true, force: true });
  }

  /** Replaces a file of the current generation. */
  replace(name: string, content: string): void {
    const path = join(this.directory, current, name);
    writeFileSync(`${path}.new`, content, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #generations(): number[] {
    if (!existsSync(this.directory)) return [];
    return readdirSync(this.directory).flatMap((name) => {
      const number = /^generation-([0-9]+)$/.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  }
}

/** The same for the same files. */
export function fingerprintOf(texts: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex');
}
