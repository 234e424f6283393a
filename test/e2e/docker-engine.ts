import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DaemonProcess } from './daemon-process';

const exec = promisify(execFile);

export interface DockerEngineOptions {
  /** For its socket and what it keeps while it runs. Short: names of sockets have 107 characters. */
  readonly directory: string;
  /** Its data. */
  readonly data: string;
  /** What runs it elsewhere: an nsenter. */
  readonly command: readonly string[];
  readonly options: readonly string[];
}

/** A Docker Engine of a test's own, beside that of the machine. */
export class DockerEngine {
  readonly address: string;
  readonly #process: DaemonProcess;

  constructor({ directory, data, command, options }: DockerEngineOptions) {
    mkdirSync(directory, { recursive: true });
    this.address = engineAddress(directory);
    const own = ['--data-root', data, '--exec-root', join(directory, 'exec'), '--host', this.address];
    const files = ['--pidfile', join(directory, 'docker.pid')];
    // What it mounts goes with its last process.
    const program = ['unshare', '--mount', '--', 'dockerd'];
    const [first = '', ...rest] = [...command, ...program, ...own, ...files, ...options];
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

export function engineAddress(directory: string): string {
  return `unix://${join(directory, 'docker.sock')}`;
}

export async function dockerAt(address: string, ...args: string[]): Promise<string> {
  return (await exec('docker', ['--host', address, ...args], { maxBuffer: 2 ** 26 })).stdout;
}
