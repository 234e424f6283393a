import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { BuilderRig } from '../testing/builder-rig';
import { inChunks, tarOfFiles } from './testing';

const run = promisify(execFile);
const clock = new SystemClock();
const never = new AbortController().signal;

jest.setTimeout(300_000);

const rig = new BuilderRig();
const { baseImage, stage } = rig;
beforeAll(() => rig.prepare());
afterAll(() => rig.close());

describe('what goes wrong', () => {
  it('makes an image once more that somebody has removed before it had a name', async () => {
    let removals = 0;
    const withRemoval = new Proxy(rig.docker, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (key !== 'getImage') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        return (id: string) => {
          const image = rig.docker.getImage(id);
          const tag = image.tag.bind(image);
          image.tag = (async (options: Docker.ImageTagOptions & { abortSignal: AbortSignal }) => {
            if (removals++ < 1) await rig.docker.getImage(id).remove();
            return tag(options) as Promise<unknown>;
          }) as unknown as typeof image.tag;
          return image;
        };
      },
    });
    const { output, result } = await rig.build(
      'again',
      { Dockerfile: `FROM ${baseImage}\nRUN echo ${randomUUID()} > /once\nCMD ["true"]\n` },
      { builder: rig.builder({ docker: withRemoval }) },
    );
    expect(output).toContain('the image was removed by somebody else before it was named: once more\n');
    expect(removals).toBe(2);
    await expect(rig.docker.getImage(result?.image ?? '').inspect()).resolves.toMatchObject({
      Id: result?.image,
    });
  });

  it('names the step that failed, and leaves no image and no container', async () => {
    const files = {
      Dockerfile: `FROM ${baseImage}\nENV A=b\nRUN echo about to fail >&2 && exit 3\nCMD ["true"]\n`,
    };
    let output = '';
    const failed = rig.build('failing', files, {
      onPart: (part) => part.$case === 'output' && (output += part.value.toString()),
    });
    await expect(failed).rejects.toThrow(PreconditionError);
    await expect(failed).rejects.toThrow(
      'step 3/4 RUN echo about to fail >&2 && … failed: exit 3 (see the output above)',
    );
    expect(output).toContain('about to fail\n');
    expect(await rig.tagsOf('failing')).toEqual([]);
  });

  it('names a step that copies what is not there', async () => {
    await expect(rig.build('copying', { Dockerfile: `FROM ${baseImage}\nCOPY nothing /\n` })).rejects.toThrow(
      /^step 2\/\d COPY nothing \/ failed: .*nothing/,
    );
  });

  it('tells a full disk from a step at fault', async () => {
    const files = {
      Dockerfile: `FROM ${baseImage}\nRUN echo "tar: write error: No space left on device" >&2; exit 1\n`,
    };
    await expect(rig.build('full', files)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('says which name a step could not resolve, also where what follows hides it', async () => {
    const steps = 'apt-get -o Acquire::Retries=0 update && apt-get install -y redis-server';
    const files = {
      Dockerfile: `FROM ${baseImage}\nUSER 0\nRUN echo nameserver 127.0.0.1 > /etc/resolv.conf && ${steps}\n`,
    };
    let output = '';
    const failed = rig.build('outage', files, {
      onPart: (part) => part.$case === 'output' && (output += part.value.toString()),
    });
    await expect(failed).rejects.toThrow(
      /^step 3\/3 RUN .* failed: exit 100 after \S+ could not be resolved \(see the output above\): let the containers/,
    );
    expect(output).toContain('Unable to locate package redis-server');
  });

  const itAsRoot = process.getuid?.() === 0 ? it : it.skip;
  itAsRoot('tells that its own disk is full', async () => {
    const small = join(rig.directory, 'small');
    mkdirSync(small);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]);
    try {
      for (const size of [100_000, 3_000_000]) {
        const files = Object.fromEntries(
          Array.from({ length: 30 }, (_, index) => [`f${index}`, 'x'.repeat(size)]),
        );
        const failed = rig.build(
          'disk',
          { Procfile: 'web: true', ...files },
          { builder: rig.builder({ directory: small }) },
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
    const one = rig.builder({ maxBuilds: 1 });
    const files = { Procfile: 'web: true\n' };
    const both = await Promise.all([
      rig.build('first', files, { builder: one }),
      rig.build('second', files, { builder: one }),
    ]);
    expect(both.filter(({ result }) => result?.image).length).toBe(2);
    expect(both.filter(({ output }) => output.includes('waiting for another build to end')).length).toBe(1);
  });

  it('refuses a Dockerfile that cannot be read', async () => {
    const failed = rig.build('garbled', { Dockerfile: `FROM ${baseImage}\nFLY me to the moon\n` });
    await expect(failed).rejects.toThrow(InvalidError);
    await expect(failed).rejects.toThrow(/^the Dockerfile is refused: .*FLY/);
  });

  it('says what makes a base image that is missing', async () => {
    const missing = rig.builder({ baseImage: 'gilliam.invalid/missing:latest' });
    await expect(rig.build('baseless', { Procfile: 'web: true\n' }, { builder: missing })).rejects.toThrow(
      'the base image gilliam.invalid/missing:latest is missing and cannot be pulled: run gilliam up, which makes it',
    );
    expect(await missing.health(never)).toContain('is missing');
  });

  it('says that the engine does not answer', async () => {
    const dead = rig.builder({ docker: new Docker({ socketPath: join(tmpdir(), `${stage}.sock`) }) });
    await expect(rig.build('dead', { Procfile: 'web: true\n' }, { builder: dead })).rejects.toThrow(
      UnavailableError,
    );
    expect(await dead.health(never)).toContain('the Docker Engine does not answer');
    expect(await rig.builder().health(never)).toBeUndefined();
  });

  const endless = { Dockerfile: `FROM ${baseImage}\nRUN echo begun ${stage} && sleep 300\nCMD ["true"]\n` };

  async function expectNothingRuns(): Promise<void> {
    const until = clock.monotonic() + 20_000;
    for (;;) {
      const containers = await rig.docker.listContainers({ all: true });
      if (!containers.some(({ Command }) => Command.includes(`begun ${stage}`))) return;
      if (clock.monotonic() > until) throw new Error('a build still runs');
    }
  }

  it('stops in the middle when cancelled, and releases what it holds', async () => {
    const controller = new AbortController();
    const cancelled = rig.build('cancelled', endless, {
      signal: controller.signal,
      onPart: (_part, { output }) =>
        output.includes('begun') && controller.abort(new Error('the caller left')),
    });
    await expect(cancelled).rejects.toThrow(CancelledError);
    await expectNothingRuns();
    expect(await rig.tagsOf('cancelled')).toEqual([]);
    expect(await readdir(rig.directory)).toEqual([]);
  });

  it('stops when whoever reads the output goes away', async () => {
    const input = { formation: 'left', commit: '', tar: inChunks(await tarOfFiles(endless)) };
    for await (const part of rig.builder().build(input, never)) {
      if (part.$case === 'output' && part.value.toString().includes('begun')) break;
    }
    await expectNothingRuns();
  });

  it('stops at its time limit, and says at which step', async () => {
    await expect(rig.build('slow', endless, { builder: rig.builder({ timeoutMs: 3_000 }) })).rejects.toThrow(
      /^step 2\/\d RUN echo begun .* has not ended within/,
    );
    await expectNothingRuns();
  });
});
