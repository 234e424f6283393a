import {
  DeniedError,
  InvalidError,
  NotFoundError,
  PreconditionError,
  UnavailableError,
} from '../base/errors';
import type { Client } from '../client/client';
import type { StageImages } from '../images/stage-images';
import { StageRepository } from '../images/stage-repository';
import { ApiHarness } from '../testing/api-harness';
import { FakeImageRegistry } from '../testing/fake-image-registry';

const name = 'gilliam/prod-1f2e3d4c';
const image = `sha256:${'a1'.repeat(32)}`;
let api: ApiHarness;
let registry: FakeImageRegistry;
let executor: Client;
let publish: StageImages['publisher']['publish'];

beforeEach(async () => {
  registry = new FakeImageRegistry(name);
  publish = async () => {};
  const publisher = { publish: (...args: Parameters<typeof publish>) => publish(...args) };
  api = await ApiHarness.start({
    stageImages: { registry, repository: new StageRepository(registry, name), publisher },
  });
  executor = api.connect({ token: 'executor-token' });
});
afterEach(() => api.close());

async function read(path: string, range = '', by = executor) {
  const chunks: Uint8Array[] = [];
  let status = 0;
  for await (const { part } of by.images.readImage({ path, range })) {
    if (part?.$case === 'head') status = part.value.status;
    if (part?.$case === 'chunk') chunks.push(part.value);
  }
  return { status, bytes: Buffer.concat(chunks) };
}

async function prepared(asked = image, by = executor) {
  const said = [];
  for await (const message of by.images.prepareImage({ image: asked })) said.push(message);
  return said;
}

test('an executor is told where an image can be read once it can be', async () => {
  const asked: string[] = [];
  publish = async (which) => void asked.push(which);
  expect(await prepared()).toEqual([{ repository: name, tag: 'a1'.repeat(32) }]);
  expect(asked).toEqual([image]);
});

test('blobs and manifests are read, whole or from where the last read was cut', async () => {
  const large = Buffer.alloc(3 * 2 ** 20, 'layer');
  const path = `/v2/${name}/blobs/${registry.addBlob(large)}`;
  expect((await read(path)).bytes.equals(large)).toBe(true);
  const rest = await read(path, 'bytes=3000000-');
  expect([rest.status, rest.bytes.equals(large.subarray(3_000_000))]).toEqual([206, true]);
  registry.addImage(image);
  expect((await read(`/v2/${name}/manifests/${'a1'.repeat(32)}`)).status).toBe(200);
  expect((await read(`/v2/${name}/manifests/${'b2'.repeat(32)}`)).status).toBe(404);
});

test.each([
  ['another stage', `/v2/gilliam/other/manifests/${'a1'.repeat(32)}`],
  ['a way out', `/v2/${name}/../other/blobs/${image}`],
  ['the catalogue', '/v2/_catalog'],
  ['another host', `//evil.example/v2/${name}/blobs/${image}`],
  ['nothing', ''],
])('%s is not read', async (_, path) => {
  await expect(read(path)).rejects.toThrow(InvalidError);
  expect(registry.asked).toEqual([]);
});

test('what is no value of a header is refused', async () => {
  await expect(read(`/v2/${name}/blobs/${image}`, 'bytes=0-\r\nhost: evil')).rejects.toThrow(
    'range is no value of a header',
  );
});

test('users are not let in: executors read', async () => {
  await expect(prepared(image, api.client)).rejects.toThrow(DeniedError);
  await expect(read(`/v2/${name}/blobs/${image}`, '', api.client)).rejects.toThrow(DeniedError);
});

test.each<[string, () => void, string, new (message: string) => Error]>([
  [
    'nobody has it',
    () => (publish = async () => Promise.reject(new NotFoundError('deploy again'))),
    image,
    NotFoundError,
  ],
  [
    'the registry is away',
    () => (publish = async () => Promise.reject(new UnavailableError('away'))),
    image,
    UnavailableError,
  ],
  ['it is of a registry', () => {}, `r.example/a@${image}`, InvalidError],
])('an image is not to be had where %s', async (_, happen, asked, type) => {
  happen();
  await expect(prepared(asked)).rejects.toThrow(type);
});

test('a stage without a registry says so, and what to do', async () => {
  await api.stopServer();
  await api.startServer({ stageImages: undefined });
  await expect(prepared()).rejects.toThrow(PreconditionError);
  await expect(prepared()).rejects.toThrow('GILLIAM_IMAGES');
});

describe('a build', () => {
  async function build(): Promise<{ output: string; image: string }> {
    await api.client.formations.createFormation({ formation: { metadata: { name: 'shop' } } });
    const requests = async function* () {
      yield {
        part: {
          $case: 'start' as const,
          value: { parent: 'formations/shop', commit: '', planOnly: false, forApply: false, source: '' },
        },
      };
    };
    let [output, built] = ['', ''];
    for await (const { part } of api.client.build.build(requests())) {
      if (part?.$case === 'output') output += part.value.toString();
      if (part?.$case === 'result') built = part.value.image;
    }
    return { output, image: built };
  }

  test('is over when every executor can have its image', async () => {
    const asked: string[] = [];
    publish = async (which) => void asked.push(which);
    const { image: built, output } = await build();
    expect(asked).toEqual([built]);
    expect(output).toContain("bringing the image to the stage's registry, for other machines\n");
    expect(output).not.toContain('warning');
  });

  test('succeeds without the registry, and warns that other machines cannot have it yet', async () => {
    publish = async () => Promise.reject(new UnavailableError('the disk is full'));
    const { image: built, output } = await build();
    expect(built).toMatch(/^sha256:/);
    expect(output).toContain(
      'warning: other machines cannot have this image yet, and try again when they need it: the disk is full\n',
    );
  });
});
