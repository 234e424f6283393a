import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DaemonProcess } from './daemon-process';

const exec = promisify(execFile);

export interface DockerEngineOptions {
  /** For its socket and what it keeps while it runs. Short: names of sockets have 107 characters. */
  readonly directory: string;
  /** Its data; absent for data in memory, which go with it. */
  readonly data?: string;
  /** What data in memory begin as: a directory. Default nothing. */
  readonly seed?: string;
  /** What runs it elsewhere: an nsenter. */
  readonly command: readonly string[];
  readonly options: readonly string[];
}

/** A Docker Engine of a test's own, beside that of the machine. */
export class DockerEngine {
  readonly address: string;
  readonly #process: DaemonProcess;

  constructor({ directory, data, seed, command, options }: DockerEngineOptions) {
    mkdirSync(directory, { recursive: true });
    this.address = engineAddress(directory);
    const memory = join(directory, 'data');
    const dockerd = [
      ...['dockerd', '--data-root', data ?? memory, '--exec-root', join(directory, 'exec')],
      ...['--host', this.address, '--pidfile', join(directory, 'docker.pid'), ...options],
    ];
    const prepare = data === undefined ? inMemory(memory, seed) : [];
    // What is mounted goes with the last process that sees it.
    const [first = '', ...rest] = [...command, 'unshare', '--mount', '--', ...prepare, ...dockerd];
    const log = join(directory, 'dockerd.log');
    this.#process = new DaemonProcess({ command: [first, ...rest], env: process.env, log });
  }

  /** Waits until it answers. */
  async start(): Promise<void> {
    this.#process.start();
    const endMs = performance.now() + 30_000;
    for (;;) {
      try {
        await this.docker('version');
        return;
      } catch (cause) {
        if (performance.now() > endMs || !this.#process.running) {
          throw new Error(`no engine\n${this.#process.tail(20)}`, { cause });
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async docker(...args: string[]): Promise<string> {
    return dockerAt(this.address, ...args);
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

/** What runs the command after it once there is a directory in memory. */
function inMemory(directory: string, seed: string | undefined): string[] {
  mkdirSync(directory);
  const script = 'mount -t tmpfs engine "$0" && { [ -z "$1" ] || cp -a "$1/." "$0"; } && shift && exec "$@"';
  return ['sh', '-c', script, directory, seed ?? ''];
}

export function engineAddress(directory: string): string {
  return `unix://${join(directory, 'docker.sock')}`;
}

export async function dockerAt(address: string, ...args: string[]): Promise<string> {
  return (await exec('docker', ['--host', address, ...args], { maxBuffer: 2 ** 26 })).stdout;
}
