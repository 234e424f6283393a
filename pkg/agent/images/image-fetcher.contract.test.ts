import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { SystemClock } from '../../base/clock';
import { silentLogger } from '../../base/log';
import { SystemRandom } from '../../base/random';
import { DockerImageEngine } from '../../images/docker-image-engine';
import { HttpRegistry } from '../../images/http-registry';
import type { ImageRegistry, RegistryAnswer, RegistryRequest } from '../../images/image-registry';
import { Publisher } from '../../images/publisher';
import { parseRegistry } from '../../images/registry-setting';
import { StageRepository } from '../../images/stage-repository';
import { ApiHarness } from '../../testing/api-harness';
import { DockerRegistry } from '../../testing/docker-registry';
import { ImageMissing, PullFailed } from '../driver-errors';
import { ImageFetcher } from './image-fetcher';
import { grpcImages } from './image-source';

jest.setTimeout(120_000);
const run = promisify(execFile);
const docker = async (...args: string[]) => (await run('docker', args)).stdout.trim();

const clock = new SystemClock();
const random = new SystemRandom();
const log = silentLogger;
const never = new AbortController().signal;
const stageKey = `fetch-${randomUUID().slice(0, 8)}`;
const engine = new DockerImageEngine(new Docker(), clock);
const repository = `gilliam/${stageKey}`;

/** A registry as it is, with a list of what it was asked for. It can be made to break off. */
class Watched implements ImageRegistry {
  asked: string[] = [];
  /** So many layers break off after half of their bytes. */
  breaks = 0;

  constructor(private readonly registry: ImageRegistry) {}

  async ask(request: RegistryRequest, signal: AbortSignal): Promise<RegistryAnswer> {
    this.asked.push(
      `${request.method} ${request.path.replace(/[0-9a-f]{52}(?=$|\?)/, '…')} ${request.headers.range ?? ''}`,
    );
    const answer = await this.registry.ask(request, signal);
    // The layer: the configuration is too short to be gone on with.
    const isLayer = request.method === 'GET' && Number(answer.headers['content-length']) > 1_000_000;
    return isLayer && this.breaks > 0 && this.breaks-- ? { ...answer, body: half(answer) } : answer;
  }

  get blobs(): string[] {
    return this.asked.filter((asked) => asked.startsWith('GET') && asked.includes('/blobs/'));
  }
}

async function* half({ headers, body }: RegistryAnswer): AsyncGenerator<Uint8Array> {
  let left = Math.floor(Number(headers['content-length']) / 2);
  for await (const part of body) {
    yield part.subarray(0, left);
    left -= part.length;
    if (left <= 0) throw new Error('the connection was cut');
  }
}

/** An image of one file, of so many random bytes: an id that nobody else has. */
async function imageOf(name: string, { from = 'scratch', bytes = 2_000_000 } = {}): Promise<string> {
  const context = `cd $(mktemp -d) && head -c ${bytes} /dev/urandom > file && printf 'FROM ${from}\\nCOPY file /${name}\\n' > Dockerfile`;
  const build = `${context} && docker build --quiet --tag ${repository}/${name}:built . && rm -r "$PWD"`;
  return (await run('sh', ['-c', build], { env: { ...process.env, DOCKER_BUILDKIT: '0' } })).stdout.trim();
}

async function forget(...images: string[]): Promise<void> {
  for (const image of images) await docker('rmi', '--force', image).catch(() => {});
}

let oci: DockerRegistry;
let http: HttpRegistry;
let registry: Watched;
let api: ApiHarness;

beforeAll(async () => {
  oci = await DockerRegistry.start();
  http = new HttpRegistry({ place: parseRegistry(`http://${oci.host}`), clock });
});
afterAll(async () => {
  await http.close();
  await oci.stop();
});
beforeEach(async () => {
  registry = new Watched(http);
  const stage = new StageRepository(registry, repository);
  const publisher = new Publisher({ engine, registry, repository: stage, random, log });
  api = await ApiHarness.start({ stageImages: { registry, repository: stage, publisher } });
});
afterEach(() => api.close());

const executor = () =>
  new ImageFetcher({
    connect: grpcImages({ address: api.address, token: 'executor-token' }),
    ...{ engine, clock, random, log },
  });

test('an image gets from engine to engine by the registry: itself, under a name that keeps it, and no other', async () => {
  const image = await imageOf('whole');
  // Asked for by an executor, and only this engine has it.
  await executor().fetch(image, never);
  await forget(image);
  expect(await engine.idOf(image, never)).toBeUndefined();
  await executor().fetch(image, never);
  expect(await engine.idOf(image, never)).toBe(image);
  const names = await docker('inspect', '--format', '{{.RepoTags}} {{.RepoDigests}}', image);
  expect(names).toBe(`[${repository}/fetched:${image.slice(7, 19)}] []`);
  await forget(image);
});

test('layers that the engine has are not fetched again', async () => {
  const base = await imageOf('base');
  const image = await imageOf('app', { from: `${repository}/base:built` });
  await executor().fetch(image, never);
  await forget(image);
  registry.asked = [];
  await executor().fetch(image, never);
  // The configuration, and the one layer that is missing.
  expect(registry.blobs).toHaveLength(2);
  await forget(image, base);
});

test('what breaks off is gone on with, and comes to the whole image', async () => {
  const image = await imageOf('broken');
  await executor().fetch(image, never);
  await forget(image);
  registry.asked = [];
  registry.breaks = 1;
  await executor().fetch(image, never);
  expect(await engine.idOf(image, never)).toBe(image);
  expect(registry.asked.join('\n')).toMatch(/bytes=\d+-/);
  await forget(image);
});

test('a registry that has another image in its place is not believed, and nothing of it stays', async () => {
  const [asked, other] = [await imageOf('asked'), await imageOf('other')];
  await executor().fetch(other, never);
  await forget(asked, other);
  const source = grpcImages({ address: api.address, token: 'executor-token' });
  const lying = new ImageFetcher({
    connect: () => {
      const honest = source();
      const prepare = async function* () {
        yield { repository, tag: other.slice('sha256:'.length) };
      };
      return { ...honest, prepare };
    },
    ...{ engine, clock, random, log },
  });
  const fetched = lying.fetch(asked, never);
  await expect(fetched).rejects.toThrow(PullFailed);
  await expect(fetched).rejects.toThrow(/has another image \(sha256:[0-9a-f]{12}\) in the place of sha256:/);
  expect([await engine.idOf(asked, never), await engine.idOf(other, never)]).toEqual([undefined, undefined]);
});

test('an image that nobody has is missing, and says so', async () => {
  const fetched = executor().fetch(`sha256:${'0'.repeat(64)}`, never);
  await expect(fetched).rejects.toThrow(ImageMissing);
  await expect(fetched).rejects.toThrow('neither in the stage');
});

test('what the stage does not name any more leaves the registry', async () => {
  const image = await imageOf('old');
  await executor().fetch(image, never);
  const stage = new StageRepository(registry, repository);
  expect(await stage.list(never)).toContain(image);
  await stage.remove(image, never);
  expect(await stage.list(never)).not.toContain(image);
  await forget(image);
});
