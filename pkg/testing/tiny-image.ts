import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const programs = ['/bin/sh', '/bin/sleep', '/bin/cat'];

/** The tag of this process's image, so that parallel runs do not remove each other's. */
const tag = `gilliam-tiny:${process.pid}`;
let made: Promise<string> | undefined;

/**
 * The id of an image with this machine's own sh, sleep and cat and the libraries that they need: a few megabytes made
 * in a second, where no registry is at hand.
 */
export function tinyImage(): Promise<string> {
  made ??= make();
  return made;
}

export async function removeTinyImage(): Promise<void> {
  if (!made) return;
  made = undefined;
  await run('docker', ['rmi', '--force', tag]).catch(() => {});
}

async function make(): Promise<string> {
  const files = await filesOf(programs);
  const tar = spawn('tar', ['--create', '--dereference', '--absolute-names', '--file=-', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // A label of its own keeps the id apart from that of the same image made by another process.
  const own = createHash('sha256').update(tag).digest('hex').slice(0, 12);
  const docker = spawn('docker', ['import', '--change', `LABEL gilliam.test=${own}`, '-', tag], {
    stdio: [tar.stdout, 'pipe', 'inherit'],
  });
  let id = '';
  docker.stdout.on('data', (chunk: Buffer) => (id += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    docker.once('error', reject);
    docker.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`docker import exited ${code}`)),
    );
  });
  return id.trim();
}

async function filesOf(names: readonly string[]): Promise<string[]> {
  const files = new Set(names);
  for (const name of names) {
    // A program that is linked statically needs nothing.
    const { stdout } = await run('ldd', [await realpath(name)]).catch(() => ({ stdout: '' }));
    for (const [path] of stdout.matchAll(/\/\S+/g)) files.add(path);
  }
  for (const file of files) await stat(file);
  return [...files];
}
