import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, rmdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { SystemClock } from '../base/clock';
import {
  CancelledError,
  ExhaustedError,
  InvalidError,
  PreconditionError,
  UnavailableError,
} from '../base/errors';
import { silentLogger } from '../base/log';
import type { BuildPlan, BuildResult } from '../gen/gilliam/v1/build_service';
import type { BuildPart } from './build-output';
import { DockerBuilder } from './docker-builder';
import { hostBuildArgs, hostCaBundle } from './host-settings';
import { filesBelow, inChunks, tarOfFiles } from './testing';

const run = promisify(execFile);
const root = resolve(__dirname, '../..');
const baseImage = 'gilliam/base:bookworm';
const clock = new SystemClock();
const docker = new Docker();
const never = new AbortController().signal;
/** Sets this run's images and containers apart from all others. */
const stage = `test-${randomUUID().slice(0, 8)}`;

/** Prints the smallest package there can be, in base64. */
const MAKE_WHEEL = `
import base64, io, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w') as wheel:
    wheel.writestr('greet.py', 'print("greetings")')
    wheel.writestr('greet-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: greet\\nVersion: 1\\n')
    wheel.writestr('greet-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('greet-1.dist-info/RECORD', '')
print(base64.b64encode(out.getvalue()).decode())
`;

jest.setTimeout(300_000);

interface Built {
  readonly plan?: BuildPlan;
  readonly steps: readonly string[];
  readonly output: string;
  readonly result?: BuildResult;
}

function builder(options: Partial<ConstructorParameters<typeof DockerBuilder>[0]> = {}): DockerBuilder {
  return new DockerBuilder({
    docker,
    clock,
    log: silentLogger,
    stage,
    baseImage,
    directory: temporary,
    ...options,
  });
}

/** Builds path → content; `onPart` sees each part as it comes. */
async function build(
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
  for await (const part of (options.builder ?? builder()).build(input, options.signal ?? never)) {
    if (part.$case === 'plan') built = { ...built, plan: part.value };
    else if (part.$case === 'step') built = { ...built, steps: [...built.steps, part.value.instruction] };
    else if (part.$case === 'output') built = { ...built, output: built.output + part.value.toString() };
    else built = { ...built, result: part.value };
    options.onPart?.(part, built);
  }
  return built;
}

/** Runs a command in the image; resolves to what it printed. */
async function inImage(image: string | undefined, command: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', ['run', '--rm', '--network=none', image ?? '', ...command]);
  return stdout.trim();
}

async function tagsOf(formation: string): Promise<readonly string[]> {
  const images = await docker.listImages({ filters: { reference: [`gilliam/${stage}/${formation}`] } });
  return images.flatMap((image) => image.RepoTags ?? []);
}

/** Asks the web process of an image for a page; the process has a network of its own, and stops on SIGTERM. */
async function ask(built: Built, path = '/'): Promise<string> {
  const web = built.result?.processes['web'];
  const container = await docker.createContainer({
    Image: built.result?.image,
    Cmd: web?.command.length ? [...web.command] : undefined,
    Env: ['PORT=8080', 'GREETING=Howdy'],
    Labels: { 'gilliam.stage': stage },
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

// Nobody else's temporary files are counted.
const temporary = mkdtempSync(join(tmpdir(), 'gilliam-test-'));

beforeAll(async () => {
  await run(join(root, 'hack/base-image.sh'), { env: { ...process.env, GILLIAM_BASE_IMAGE: baseImage } });
});

afterAll(async () => {
  rmSync(temporary, { recursive: true });
  const label = [`gilliam.stage=${stage}`];
  for (const { Id } of await docker.listContainers({ all: true, filters: { label } })) {
    await docker.getContainer(Id).remove({ force: true });
  }
  for (const { Id } of await docker.listImages({ filters: { reference: [`gilliam/${stage}/*`] } })) {
    await docker.getImage(Id).remove({ force: true });
  }
});

describe('apps that are detected', () => {
  it.each([
    ['hello', 'node', '200 Howdy from web of no release on port 8080'],
    ['python-hello', 'python', '200 Howdy from web of no release on port 8080'],
    ['static', 'static', '<h1>Hello from static files</h1>'],
  ])('builds examples/%s, which then serves', async (example, kind, answer) => {
    const built = await build(example, await filesBelow(join(root, 'examples', example)));
    expect(built.plan?.kind).toBe(kind);
    expect(built.result?.image).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Number(built.result?.imageBytes)).toBeGreaterThan(1e6);
    expect(await ask(built)).toContain(answer);
    expect(await tagsOf(example)).toEqual([
      `gilliam/${stage}/${example}:${built.result?.image.slice(7, 19)}`,
    ]);
    const { Config } = await docker.getImage(built.result?.image ?? '').inspect();
    expect(Config.User).toBe('10001:10001');
    // Containers inherit the labels of their image, and by its labels an agent knows its own containers.
    expect(Object.keys(Config.Labels ?? {})).not.toContain('gilliam.stage');
  });

  it('installs packages from a wheel in the tree', async () => {
    const wheel = await inImage(baseImage, ['python', '-c', MAKE_WHEEL]);
    const built = await build('wheel', {
      Procfile: 'web: python app.py\n',
      'app.py': 'import greet',
      'requirements.txt': './greet-1-py3-none-any.whl\n',
      'greet-1-py3-none-any.whl': Buffer.from(wheel, 'base64'),
    });
    expect(await inImage(built.result?.image, ['python', 'app.py'])).toBe('greetings');
  });

  it('builds an app with a Procfile that others have published, unchanged', async () => {
    const directory = join(temporary, 'published');
    mkdirSync(directory);
    await run('npm', ['pack', '--silent', 'cors-anywhere@0.4.4'], { cwd: directory });
    await run('sh', ['-c', 'tar -xzf *.tgz'], { cwd: directory });
    const files = await filesBelow(join(directory, 'package'));
    rmSync(directory, { recursive: true });
    const built = await build('published', files, {
      builder: builder({
        caBundle: await hostCaBundle(process.env),
        buildArgs: hostBuildArgs(process.env),
      }),
    });
    expect(built.plan).toMatchObject({
      kind: 'node',
      processes: { web: { command: ['/bin/sh', '-c', 'exec node server.js'] } },
    });
    expect(await ask(built)).toMatch(/^200 This API enables cross-origin requests to anywhere/);
  });

  it('runs a script that is brought along', async () => {
    const built = await build('plain', {
      Procfile: 'worker: sh run.sh\n',
      'run.sh': 'echo I am $(id -un) in $(pwd); touch mine && rm mine\n',
    });
    expect(await inImage(built.result?.image, ['sh', 'run.sh'])).toBe('I am app in /app');
  });

  it('gives the image nothing of the builder but what it names', async () => {
    const built = await build('clean', { Procfile: 'web: ./run\n', run: '#!/bin/sh\n' });
    expect(await inImage(built.result?.image, ['find', '.gilliam', '-type', 'f'])).toBe(
      '.gilliam/Dockerfile',
    );
  });
});

describe('dependencies', () => {
  it('are not installed again when only the source changes, and come through a private CA', async () => {
    const files = await filesBelow(join(root, 'examples/express-hello'));
    const settings = {
      caBundle: await hostCaBundle(process.env),
      buildArgs: hostBuildArgs(process.env),
    };
    // What this run alone has makes the first build do everything.
    const manifest = files['package.json']?.replace('express-hello', `express-${stage}`) ?? '';
    const first = await build(
      'express',
      { ...files, 'package.json': manifest },
      { builder: builder(settings) },
    );
    expect(first.output).toMatch(/added \d+ packages/);
    expect(await ask(first)).toBe('200 Howdy from Express on port 8080');

    const changed = `${files['server.js']}// one more line\n`;
    const second = await build(
      'express',
      { ...files, 'package.json': manifest, 'server.js': changed },
      { builder: builder(settings) },
    );
    expect(second.steps).toEqual(first.steps);
    expect(second.output).not.toMatch(/added \d+ packages/);
    expect(second.output.match(/Using cache/g)?.length).toBeGreaterThanOrEqual(first.steps.length - 2);
    expect(second.result?.image).not.toBe(first.result?.image);

    const { Config } = await docker.getImage(second.result?.image ?? '').inspect();
    expect(Config.Env?.join('\n')).not.toMatch(/CERT|CA_BUNDLE|PROXY/i);
  });

  it('reach builds of own Dockerfiles that name them', async () => {
    const built = await build(
      'own-ca',
      {
        Dockerfile: `FROM ${baseImage}\nCOPY .gilliam/ca.crt /ca.crt\nRUN echo "proxy is $HTTP_PROXY"\nCMD ["true"]\n`,
      },
      { builder: builder({ caBundle: '-----a bundle-----\n', buildArgs: { HTTP_PROXY: 'http://proxy' } }) },
    );
    expect(await inImage(built.result?.image, ['cat', '/ca.crt'])).toBe('-----a bundle-----');
    expect(built.output).toContain('proxy is http://proxy');
  });
});

describe('own Dockerfiles', () => {
  it('are used unchanged, with their port and command', async () => {
    const dockerfile = `FROM ${baseImage}\nEXPOSE 3000\nCOPY . /srv\nCMD ["node", "/srv/web.js"]\n`;
    const built = await build('own', { Dockerfile: dockerfile, 'web.js': 'console.log("mine")' });
    expect(built.plan).toMatchObject({ kind: 'dockerfile', dockerfile });
    expect(built.result?.processes['web']).toMatchObject({ command: [], ports: [{ containerPort: 3000 }] });
    expect(await inImage(built.result?.image, [])).toBe('mine');
  });

  it('take the port that their base image exposes', async () => {
    const base = await build('own-base', { Dockerfile: `FROM ${baseImage}\nEXPOSE 4000\nCMD ["true"]\n` });
    const built = await build('own-derived', { Dockerfile: `FROM ${base.result?.image}\n` });
    expect(built.plan?.processes['web']?.ports).toMatchObject([{ containerPort: 8080 }]);
    expect(built.result?.processes['web']?.ports).toMatchObject([{ containerPort: 4000 }]);
  });

  it('see the tree without what .dockerignore leaves out', async () => {
    const built = await build('ignore', {
      Dockerfile: `FROM ${baseImage}\nCOPY . /srv\nCMD ["true"]\n`,
      '.dockerignore': 'secret\n*.log\n!kept.log\n',
      'secret/key': 'x',
      'a.log': 'x',
      'kept.log': 'x',
      'z.js': 'x',
    });
    const found = await inImage(built.result?.image, ['find', '/srv', '-type', 'f']);
    expect(found.split('\n').sort()).toEqual([
      '/srv/.dockerignore',
      '/srv/Dockerfile',
      '/srv/kept.log',
      '/srv/z.js',
    ]);
  });

  it('need a command', async () => {
    await expect(build('no-command', { Dockerfile: `FROM ${baseImage}\n` })).rejects.toThrow(
      'the image has no command: add CMD to the Dockerfile, or a Procfile',
    );
    expect(await tagsOf('no-command')).toEqual([]);
  });
});

describe('what goes wrong', () => {
  it('makes an image once more that somebody has removed before it had a name', async () => {
    let removals = 0;
    const withRemoval = new Proxy(docker, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (key !== 'getImage') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        return (id: string) => {
          const image = docker.getImage(id);
          const tag = image.tag.bind(image);
          image.tag = (async (options: Docker.ImageTagOptions & { abortSignal: AbortSignal }) => {
            if (removals++ < 1) await docker.getImage(id).remove();
            return tag(options) as Promise<unknown>;
          }) as unknown as typeof image.tag;
          return image;
        };
      },
    });
    const { output, result } = await build(
      'again',
      { Dockerfile: `FROM ${baseImage}\nRUN echo ${randomUUID()} > /once\nCMD ["true"]\n` },
      { builder: builder({ docker: withRemoval }) },
    );
    expect(output).toContain('the image was removed by somebody else before it was named: once more\n');
    expect(removals).toBe(2);
    await expect(docker.getImage(result?.image ?? '').inspect()).resolves.toMatchObject({
      Id: result?.image,
    });
  });

  it('names the step that failed, and leaves no image and no container', async () => {
    const files = {
      Dockerfile: `FROM ${baseImage}\nENV A=b\nRUN echo about to fail >&2 && exit 3\nCMD ["true"]\n`,
    };
    let output = '';
    const failed = build('failing', files, {
      onPart: (part) => part.$case === 'output' && (output += part.value.toString()),
    });
    await expect(failed).rejects.toThrow(PreconditionError);
    await expect(failed).rejects.toThrow(
      'step 3/4 RUN echo about to fail >&2 && … failed: exit 3 (see the output above)',
    );
    expect(output).toContain('about to fail\n');
    expect(await tagsOf('failing')).toEqual([]);
  });

  it('names a step that copies what is not there', async () => {
    await expect(build('copying', { Dockerfile: `FROM ${baseImage}\nCOPY nothing /\n` })).rejects.toThrow(
      /^step 2\/\d COPY nothing \/ failed: .*nothing/,
    );
  });

  it('tells a full disk from a step at fault', async () => {
    const files = {
      Dockerfile: `FROM ${baseImage}\nRUN echo "tar: write error: No space left on device" >&2; exit 1\n`,
    };
    await expect(build('full', files)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('says which name a step could not resolve, also where what follows hides it', async () => {
    const steps = 'apt-get -o Acquire::Retries=0 update && apt-get install -y redis-server';
    const files = {
      Dockerfile: `FROM ${baseImage}\nUSER 0\nRUN echo nameserver 127.0.0.1 > /etc/resolv.conf && ${steps}\n`,
    };
    let output = '';
    const failed = build('outage', files, {
      onPart: (part) => part.$case === 'output' && (output += part.value.toString()),
    });
    await expect(failed).rejects.toThrow(
      /^step 3\/3 RUN .* failed: exit 100 after \S+ could not be resolved \(see the output above\): let the containers/,
    );
    expect(output).toContain('Unable to locate package redis-server');
  });

  const itAsRoot = process.getuid?.() === 0 ? it : it.skip;
  itAsRoot('tells that its own disk is full', async () => {
    const small = join(temporary, 'small');
    mkdirSync(small);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]);
    try {
      for (const size of [100_000, 3_000_000]) {
        const files = Object.fromEntries(
          Array.from({ length: 30 }, (_, index) => [`f${index}`, 'x'.repeat(size)]),
        );
        const failed = build(
          'disk',
          { Procfile: 'web: true', ...files },
          { builder: builder({ directory: small }) },
        );
        await expect(failed).rejects.toThrow(ExhaustedError);
        await expect(failed).rejects.toThrow('the disk of the builder is full');
      }
      expect(await readdir(small)).toEqual([]);
    } finally {
      await run('umount', [small]);
      rmdirSync(small);
    }
  });

  it('lets builds wait for each other beyond their number', async () => {
    const one = builder({ maxBuilds: 1 });
    const files = { Procfile: 'web: true\n' };
    const both = await Promise.all([
      build('first', files, { builder: one }),
      build('second', files, { builder: one }),
    ]);
    expect(both.filter(({ result }) => result?.image).length).toBe(2);
    expect(both.filter(({ output }) => output.includes('waiting for another build to end')).length).toBe(1);
  });

  it('refuses a Dockerfile that cannot be read', async () => {
    const failed = build('garbled', { Dockerfile: `FROM ${baseImage}\nFLY me to the moon\n` });
    await expect(failed).rejects.toThrow(InvalidError);
    await expect(failed).rejects.toThrow(/^the Dockerfile is refused: .*FLY/);
  });

  it('says what makes a base image that is missing', async () => {
    const missing = builder({ baseImage: 'gilliam.invalid/missing:latest' });
    await expect(build('baseless', { Procfile: 'web: true\n' }, { builder: missing })).rejects.toThrow(
      'the base image gilliam.invalid/missing:latest is missing and cannot be pulled: run gilliam up, which makes it',
    );
    expect(await missing.health(never)).toContain('is missing');
  });

  it('says that the engine does not answer', async () => {
    const dead = builder({ docker: new Docker({ socketPath: join(tmpdir(), `${stage}.sock`) }) });
    await expect(build('dead', { Procfile: 'web: true\n' }, { builder: dead })).rejects.toThrow(
      UnavailableError,
    );
    expect(await dead.health(never)).toContain('the Docker Engine does not answer');
    expect(await builder().health(never)).toBeUndefined();
  });

  const endless = { Dockerfile: `FROM ${baseImage}\nRUN echo begun ${stage} && sleep 300\nCMD ["true"]\n` };

  async function expectNothingRuns(): Promise<void> {
    const until = clock.monotonic() + 20_000;
    for (;;) {
      const containers = await docker.listContainers({ all: true });
      if (!containers.some(({ Command }) => Command.includes(`begun ${stage}`))) return;
      if (clock.monotonic() > until) throw new Error('a build still runs');
    }
  }

  it('stops in the middle when cancelled, and releases what it holds', async () => {
    const controller = new AbortController();
    const cancelled = build('cancelled', endless, {
      signal: controller.signal,
      onPart: (_part, { output }) =>
        output.includes('begun') && controller.abort(new Error('the caller left')),
    });
    await expect(cancelled).rejects.toThrow(CancelledError);
    await expectNothingRuns();
    expect(await tagsOf('cancelled')).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('stops when whoever reads the output goes away', async () => {
    const input = { formation: 'left', commit: '', tar: inChunks(await tarOfFiles(endless)) };
    for await (const part of builder().build(input, never)) {
      if (part.$case === 'output' && part.value.toString().includes('begun')) break;
    }
    await expectNothingRuns();
  });

  it('stops at its time limit, and says at which step', async () => {
    await expect(build('slow', endless, { builder: builder({ timeoutMs: 3_000 }) })).rejects.toThrow(
      /^step 2\/\d RUN echo begun .* has not ended within/,
    );
    await expectNothingRuns();
  });
});
