import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './cli';
import { DockerEngine } from './docker-engine';

/**
 * The data of a Docker Engine that has one image of this machine's engine, and nothing else. Hosts that begin with a copy of
 * it need not load the image, which takes longer than all else that a test of several hosts does. It is kept for the next
 * test, until another image is asked for: by one test at a time.
 */
export async function engineSeed(image: string, directory: string): Promise<string> {
  const seeds = join(root, 'node_modules/.cache/engine-seeds');
  const seed = join(seeds, image.replace(/^sha256:/, '').slice(0, 16));
  if (existsSync(seed)) return seed;
  mkdirSync(seeds, { recursive: true });
  for (const other of readdirSync(seeds)) rmSync(join(seeds, other), { recursive: true, force: true });

  const partial = `${seed}.partial`;
  // It runs nothing, so it has nothing to do with networks: least of all with this machine's. An engine that is to have no
  // bridge removes the one that is called docker0, whose ever it is.
  const command = ['unshare', '--net', '--'];
  const options = ['--bridge', 'none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'];
  const engine = new DockerEngine({ directory, data: partial, command, options });
  try {
    await engine.start();
    await copy(image, engine.address);
  } finally {
    await engine.end();
  }
  renameSync(partial, seed);
  return seed;
}

/** There is no image registry: from this machine's engine to another. */
async function copy(image: string, to: string): Promise<void> {
  const save = spawn('docker', ['save', image], { stdio: ['ignore', 'pipe', 'inherit'] });
  const load = spawn('docker', ['--host', to, 'load', '--quiet'], {
    stdio: [save.stdout, 'ignore', 'inherit'],
  });
  const codes = await Promise.all(
    [save, load].map((child) => new Promise<number | null>((resolve) => child.once('exit', resolve))),
  );
  if (codes.some((code) => code !== 0))
    throw new Error(`docker save | docker load: exit ${codes.join(', ')}`);
}
