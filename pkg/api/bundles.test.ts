import { ExhaustedError, InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import type { ImportImageRequest } from '../gen/gilliam/v1/bundle_service';
import { ApiHarness } from '../testing/api-harness';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start({ options: { maxImageBytes: 3 * 2 ** 20 } });
});
afterEach(() => api.close());

async function exported(image: string, validateOnly = false): Promise<{ id: string; bytes: Buffer }> {
  let id = '';
  const chunks: Uint8Array[] = [];
  for await (const message of api.client.bundles.exportImage({ image, validateOnly })) {
    id ||= message.image;
    chunks.push(message.chunk);
  }
  return { id, bytes: Buffer.concat(chunks) };
}

async function* messages(
  id: string,
  bytes: Buffer,
  chunkBytes = 2 ** 20,
): AsyncGenerator<ImportImageRequest> {
  yield { part: { $case: 'image', value: id } };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield { part: { $case: 'chunk', value: bytes.subarray(at, at + chunkBytes) } };
  }
}

const large = Buffer.alloc(2.5 * 2 ** 20, 'x');

test('an image goes out and comes in as it is', async () => {
  const id = api.images.add(large);
  const { id: said, bytes } = await exported(id);
  expect([said, bytes.equals(large)]).toEqual([id, true]);
  api.images.remove(id);
  expect(await api.client.bundles.importImage(messages(id, bytes))).toEqual({ image: id });
  expect(api.images.has(id)).toBe(true);
});

test('an image of a registry goes by its own digest', async () => {
  const name = `registry.example/web@sha256:${'3'.repeat(64)}`;
  const id = api.images.add('web', name);
  expect(await exported(name, true)).toEqual({ id, bytes: Buffer.alloc(0) });
});

test('an image that is gone is said to be', async () => {
  await expect(exported(`sha256:${'4'.repeat(64)}`)).rejects.toThrow(NotFoundError);
});

test.each<[string, () => AsyncGenerator<ImportImageRequest>, new (message: string) => Error, string]>([
  ['another image', () => messages(`sha256:${'4'.repeat(64)}`, large), InvalidError, 'another image'],
  ['no digest', () => messages('web:latest', large), InvalidError, 'not named by digest'],
  [
    'one of a registry',
    () => messages(`r.example/a@sha256:${'4'.repeat(64)}`, large),
    InvalidError,
    'of a registry',
  ],
  [
    'too large a chunk',
    () => messages(`sha256:${'4'.repeat(64)}`, large, 2 ** 21),
    InvalidError,
    'at most 1 MiB',
  ],
  [
    'too much',
    () => messages(`sha256:${'4'.repeat(64)}`, Buffer.alloc(4 * 2 ** 20)),
    ExhaustedError,
    'over the limit of 3 MiB',
  ],
])('%s is refused', async (_, requests, type, message) => {
  const refused = api.client.bundles.importImage(requests());
  await expect(refused).rejects.toThrow(type);
  await expect(refused).rejects.toThrow(message);
});

test('a control plane without an engine says so', async () => {
  await api.stopServer();
  await api.startServer({ images: undefined });
  await expect(exported(`sha256:${'4'.repeat(64)}`)).rejects.toThrow(PreconditionError);
});
