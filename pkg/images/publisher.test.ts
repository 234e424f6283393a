import { NotFoundError, UnavailableError } from '../base/errors';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { FakeImageEngine } from '../testing/fake-image-engine';
import { FakeImageRegistry } from '../testing/fake-image-registry';
import { freePort } from '../testing/tcp-proxy';
import { Publisher } from './publisher';
import { StageRepository } from './stage-repository';

const name = 'gilliam/prod-1f2e3d4c';
const image = `sha256:${'a1'.repeat(32)}`;
const never = new AbortController().signal;

function rig() {
  const registry = new FakeImageRegistry(name);
  const engine = new FakeImageEngine();
  const repository = new StageRepository(registry, name);
  const random = new SystemRandom();
  const publisher = new Publisher({ engine, registry, repository, random, log: silentLogger });
  const pushed: string[] = [];
  engine.transfer = async (_, { repository: at, tag }) => {
    pushed.push(`${at.replace(/:\d+/, '')}:${tag}`);
    registry.addImage(image);
  };
  return { registry, engine, repository, publisher, pushed };
}

test('an image is brought to the registry once, however many ask, and keeps its names', async () => {
  const { publisher, engine, pushed } = rig();
  engine.add(image, 'gilliam/prod-1f2e3d4c/shop:a1a1a1a1a1a1');
  await Promise.all([publisher.publish(image, never), publisher.publish(image, never)]);
  await publisher.publish(image, never);
  expect(pushed).toEqual([`127.0.0.1/${name}:${'a1'.repeat(32)}`]);
  expect(engine.names()).toEqual(['gilliam/prod-1f2e3d4c/shop:a1a1a1a1a1a1']);
});

test('an image without a name does not go with the one that it is given for the way', async () => {
  const { publisher, engine } = rig();
  engine.add(image);
  await publisher.publish(image, never);
  expect(engine.has(image)).toBe(true);
  expect(engine.names()).toEqual([`${name}/published:a1a1a1a1a1a1`]);
});

test('a name that was given for the way by a process that was killed goes with the next push', async () => {
  const { publisher, engine } = rig();
  engine.add(image, 'x:y', `127.0.0.1:${await freePort()}/${name}:${'a1'.repeat(32)}`);
  await publisher.publish(image, never);
  expect(engine.names()).toEqual(['x:y']);
});

test('what the registry has is not asked of the engine', async () => {
  const { publisher, registry, pushed } = rig();
  registry.addImage(image);
  await publisher.publish(image, never);
  expect(pushed).toEqual([]);
});

test('a tag that is of another image is put right', async () => {
  const { publisher, registry, engine, repository, pushed } = rig();
  registry.addImage(`sha256:${'b2'.repeat(32)}`, 'a1'.repeat(32));
  engine.add(image, 'x:y');
  expect(await repository.has(image, never)).toBe(false);
  await publisher.publish(image, never);
  expect(pushed).toHaveLength(1);
  expect(await repository.has(image, never)).toBe(true);
});

test('what nobody has is said to be', async () => {
  const { publisher } = rig();
  await expect(publisher.publish(image, never)).rejects.toThrow(NotFoundError);
  await expect(publisher.publish(image, never)).rejects.toThrow(
    "image sha256:a1a1a1a1a1a1 is neither in the stage's image registry nor in the control plane's engine: deploy again",
  );
});

test('a registry that is away, and a push that fails, may be tried again', async () => {
  const { publisher, registry, engine, pushed } = rig();
  engine.add(image, 'x:y');
  registry.away = true;
  await expect(publisher.publish(image, never)).rejects.toThrow(UnavailableError);
  registry.away = false;
  const works = engine.transfer;
  engine.transfer = async () => Promise.reject(new UnavailableError('no space left on device'));
  await expect(publisher.publish(image, never)).rejects.toThrow(
    "image sha256:a1a1a1a1a1a1 cannot be brought to the stage's image registry: no space left on device",
  );
  expect(engine.names()).toEqual(['x:y']);
  engine.transfer = works;
  await publisher.publish(image, never);
  expect(pushed).toHaveLength(1);
});

test('who leaves does not keep the others from it', async () => {
  const { publisher, engine, registry } = rig();
  engine.add(image, 'x:y');
  let finish = () => {};
  const begun = new Promise<void>((begin) => {
    engine.transfer = () =>
      new Promise((resolve) => {
        finish = () => {
          registry.addImage(image);
          resolve();
        };
        begin();
      });
  });
  const leaver = new AbortController();
  const left = publisher.publish(image, leaver.signal);
  const stays = publisher.publish(image, never);
  await begun;
  leaver.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  finish();
  await stays;
});

test('an image that is no id is refused', async () => {
  await expect(rig().publisher.publish('web:latest', never)).rejects.toThrow('use sha256:<64 digits>');
});
