import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import type { BuildPart } from '../builder/build-output';
import { DockerBuilder, type DockerBuilderOptions } from '../builder/docker-builder';
import { inChunks, tarOfFiles } from '../builder/testing';
import type { BuildPlan, BuildResult } from '../gen/gilliam/v1/build_service';

const run = promisify(execFile);
const root = resolve(__dirname, '../..');
const clock = new SystemClock();
const never = new AbortController().signal;

export interface Built {
  readonly plan?: BuildPlan;
  readonly steps: readonly string[];
  readonly output: string;
  readonly result?: BuildResult;
}

/** A builder at the machine's real engine, with images and containers that are apart from all others. */
export class BuilderRig {
  readonly docker = new Docker();
  readonly baseImage = 'gilliam/base:bookworm';
  readonly stage = `test-${randomUUID().slice(0, 8)}`;
  /** Nobody else's temporary files are counted. */
  readonly directory = mkdtempSync(join(tmpdir(), 'gilliam-test-'));

  async prepare(): Promise<void> {
    const env = { ...process.env, GILLIAM_BASE_IMAGE: this.baseImage };
    await run(join(root, 'hack/base-image.sh'), { env });
  }

  /** Removes all that was built. */
  async close(): Promise<void> {
    rmSync(this.directory, { recursive: true });
    const label = [`gilliam.stage=${this.stage}`];
    for (const { Id } of await this.docker.listContainers({ all: true, filters: { label } })) {
      await this.docker.getContainer(Id).remove({ force: true });
    }
    const reference = [`gilliam/${this.stage}/*`];
    for (const { Id } of await this.docker.listImages({ filters: { reference } })) {
      await this.docker.getImage(Id).remove({ force: true });
    }
  }

  builder(options: Partial<DockerBuilderOptions> = {}): DockerBuilder {
    const { docker, stage, baseImage, directory } = this;
    return new DockerBuilder({ docker, clock, log: silentLogger, stage, baseImage, directory, ...options });
  }

  /** Builds path → content; `onPart` sees each part as it comes. */
  async build(
    formation: string,
    files: Readonly<Record<string, string | Buffer>>,
    options: {
      readonly builder?: DockerBuilder;
      readonly signal?: AbortSignal;
      readonly onPart?: (part: BuildPart, soFar: Built) => void;
    } = {},
  ): Promise<Built> {
    const input = { formation, commit: '', tar: inChunks(await tarOfFiles(files)) };
    let built: Built = { steps: [], output: '' };
    for await (const part of (options.builder ?? this.builder()).build(input, options.signal ?? never)) {
      if (part.$case === 'plan') built = { ...built, plan: part.value };
      else if (part.$case === 'step') built = { ...built, steps: [...built.steps, part.value.instruction] };
      else if (part.$case === 'output') built = { ...built, output: built.output + part.value.toString() };
      else built = { ...built, result: part.value };
      options.onPart?.(part, built);
    }
    return built;
  }

  /** Runs a command in the image; resolves to what it printed. */
  async inImage(image: string | undefined, command: readonly string[]): Promise<string> {
    const { stdout } = await run('docker', ['run', '--rm', '--network=none', image ?? '', ...command]);
    return stdout.trim();
  }

  async tagsOf(formation: string): Promise<readonly string[]> {
    const reference = [`gilliam/${this.stage}/${formation}`];
    const images = await this.docker.listImages({ filters: { reference } });
    return images.flatMap((image) => image.RepoTags ?? []);
  }

  /** Asks the web process of an image for a page; the process has a network of its own, and stops on SIGTERM. */
  async ask(built: Built, path = '/'): Promise<string> {
    const web = built.result?.processes['web'];
    const container = await this.docker.createContainer({
      Image: built.result?.image,
      Cmd: web?.command.length ? [...web.command] : undefined,
      Env: ['PORT=8080', 'GREETING=Howdy'],
      Labels: { 'gilliam.stage': this.stage },
      HostConfig: { Init: true, NetworkMode: 'none' },
    });
    try {
      await container.start();
      const page = `fetch('http://127.0.0.1:8080${path}').then(async (r) => console.log(r.status, await r.text()))`;
      const until = clock.monotonic() + 20_000;
      for (;;) {
        try {
          const { stdout } = await run('docker', ['exec', container.id, 'node', '-e', page]);
          return stdout.trim();
        } catch (error) {
          if (clock.monotonic() > until) throw error;
        }
      }
    } finally {
      await container.stop({ t: 5 }).catch(() => {});
      await container.remove({ force: true });
    }
  }
}
