import { UnavailableError } from '../base/errors';
import { FakeImageRegistry } from '../testing/fake-image-registry';
import type { RegistryAnswer } from './image-registry';
import { StageRepository } from './stage-repository';

const name = 'gilliam/prod-1f2e3d4c';
const image = `sha256:${'a1'.repeat(32)}`;
const never = new AbortController().signal;

test('an image is there, is listed, and is removed', async () => {
  const registry = new FakeImageRegistry(name);
  const repository = new StageRepository(registry, name);
  expect(await repository.has(image, never)).toBe(false);
  registry.addImage(image);
  registry.addImage(image, 'latest');
  expect(await repository.has(image, never)).toBe(true);
  expect(await repository.list(never)).toEqual([image]);
  await repository.remove(image, never);
  expect(await repository.list(never)).toEqual([]);
  await repository.remove(image, never);
});

test('an image that engines know by its manifest is known by it', async () => {
  const registry = new FakeImageRegistry(name);
  const digest = registry.addImage(image);
  registry.addImage(image, digest.slice('sha256:'.length));
  expect(await new StageRepository(registry, name).has(digest, never)).toBe(true);
});

test.each<[string, number, string, string]>([
  ['does not let us in', 401, '', 'HTTP 401: it does not let us in: is the password right?'],
  ['is not well', 500, '{"errors":[]}', 'HTTP 500: {"errors":[]}'],
  ['says nothing', 503, '', 'HTTP 503: without a reason'],
  ['is none', 200, '<html>', 'what is no manifest'],
])('a registry that %s is unavailable', async (_, status, text, message) => {
  const body = async function* () {
    yield Buffer.from(text);
  };
  const ask = async (): Promise<RegistryAnswer> => ({ status, headers: {}, body: body() });
  const has = new StageRepository({ ask }, name).has(image, never);
  await expect(has).rejects.toThrow(UnavailableError);
  await expect(has).rejects.toThrow(message);
});
