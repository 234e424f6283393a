import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './api-harness';
import { freePort } from './tcp-proxy';

/** A registry of images on this machine: Debian's `docker-registry`, in a directory of its own. */
export class DockerRegistry {
  private constructor(
    /** `127.0.0.1:5000`: engines speak HTTP there without being told. */
    readonly host: string,
    private readonly process: ChildProcess,
    private readonly directory: string,
  ) {}

  static async start(): Promise<DockerRegistry> {
    const directory = await mkdtemp(join(tmpdir(), 'gilliam-registry-'));
    const host = `127.0.0.1:${await freePort()}`;
    const config = { version: 0.1, log: { level: 'error' }, http: { addr: host } };
    const storage = { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } };
    const file = join(directory, 'config.yml');
    // JSON is YAML, too.
    await writeFile(file, JSON.stringify({ ...config, storage }));
    const child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
    const registry = new DockerRegistry(host, child, directory);
    await eventually(async () => {
      const { ok } = await fetch(`http://${host}/v2/`);
      if (!ok) throw new Error('the registry does not answer yet');
    }, 10_000);
    return registry;
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.process.once('exit', () => resolve()));
    this.process.kill();
    await ended;
    await rm(this.directory, { recursive: true });
  }
}
