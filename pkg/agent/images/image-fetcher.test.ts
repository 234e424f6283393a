import { get } from 'node:http';
import { NotFoundError, PreconditionError, UnavailableError } from '../../base/errors';
import { silentLogger } from '../../base/log';
import { SystemRandom } from '../../base/random';
import type {
  PrepareImageResponse,
  ReadImageRequest,
  ReadImageResponse,
} from '../../gen/gilliam/v1/image_service';
import type { DoorCredentials } from '../../images/engine-door';
import type { ImageName } from '../../images/image-engine';
import type { ImageRegistry } from '../../images/image-registry';
import { FakeImageEngine } from '../../testing/fake-image-engine';
import { FakeImageRegistry } from '../../testing/fake-image-registry';
import { freePort } from '../../testing/tcp-proxy';
import { VirtualClock } from '../../testing/virtual-clock';
import { ImageMissing, PullFailed } from '../driver-errors';
import { ImageFetcher } from './image-fetcher';

const repository = 'gilliam/prod-1f2e3d4c';
const image = `sha256:${'a1'.repeat(32)}`;
const tag = 'a1'.repeat(32);
const never = new AbortController().signal;

interface Plane {
  readonly prepare?: () => AsyncIterable<PrepareImageResponse>;
  readonly read?: (request: ReadImageRequest, signal: AbortSignal) => AsyncIterable<ReadImageResponse>;
}

/** A fetcher whose control plane says what is given, by default that the image is ready. */
function rig({ prepare, read }: Plane = {}, registry?: ImageRegistry) {
  const clock = new VirtualClock();
  const engine = new FakeImageEngine();
  engine.brings = image;
  let closed = 0;
  const ready = async function* () {
    yield { repository: '', tag: '' };
    yield { repository, tag };
  };
  const nothing = async function* () {};
  const connect = () => ({ prepare: prepare ?? ready, read: read ?? nothing, close: () => void closed++ });
  const fetcher = new ImageFetcher({
    engine,
    connect,
    clock,
    random: new SystemRandom(),
    log: silentLogger,
    registry,
  });
  return { clock, engine, fetcher, closed: () => closed };
}

test('the image is kept under a name of the stage, and the connection is given back', async () => {
  const { fetcher, engine, closed } = rig();
  await fetcher.fetch(image, never);
  expect(engine.names()).toEqual([`${repository}/fetched:a1a1a1a1a1a1`]);
  expect(closed()).toBe(1);
});

test('a name that was given for the way by a process that was killed goes with the next image', async () => {
  const { fetcher, engine } = rig();
  engine.add(`sha256:${'b2'.repeat(32)}`, `127.0.0.1:${await freePort()}/${repository}:${'b2'.repeat(32)}`);
  await fetcher.fetch(image, never);
  expect(engine.names()).toEqual([`${repository}/fetched:a1a1a1a1a1a1`]);
});

test('another image than the one asked for is not kept', async () => {
  const { fetcher, engine } = rig();
  engine.brings = `sha256:${'b2'.repeat(32)}`;
  await expect(fetcher.fetch(image, never)).rejects.toThrow('has another image (sha256:b2b2b2b2b2b2)');
  expect([engine.names(), engine.has(engine.brings)]).toEqual([[], false]);
});

const failing = (error: Error) =>
  async function* (): AsyncGenerator<never> {
    throw error;
  };

test.each<[string, Error, new (message: string) => Error, string]>([
  [
    'has no registry',
    new PreconditionError('the stage has no image registry'),
    ImageMissing,
    'is not on this executor, and the stage has no image registry',
  ],
  [
    'does not have it',
    new NotFoundError('nobody has it: deploy again'),
    ImageMissing,
    'nobody has it: deploy again',
  ],
  [
    'is too old',
    Object.assign(new Error('unknown'), { cause: { code: 12 } }),
    ImageMissing,
    'too old to hand it out',
  ],
  [
    'is away',
    new UnavailableError('it does not answer'),
    PullFailed,
    'cannot be fetched: it does not answer',
  ],
])('a control plane that %s', async (_, error, type, message) => {
  const { fetcher, engine } = rig({ prepare: failing(error) });
  const fetched = fetcher.fetch(image, never);
  await expect(fetched).rejects.toThrow(type);
  await expect(fetched).rejects.toThrow(message);
  expect(engine.names()).toEqual([]);
});

test.each([
  ['nothing', { repository: '', tag: '' }],
  ['another path', { repository: 'gilliam/../etc', tag }],
  ['a place elsewhere', { repository: 'evil.example/gilliam/x', tag }],
  ['a tag with a path in it', { repository, tag: `${tag}/../x` }],
])('a control plane that names %s is not followed', async (_, said) => {
  const prepare = async function* () {
    yield said;
  };
  const { fetcher, engine } = rig({ prepare });
  await expect(fetcher.fetch(image, never)).rejects.toThrow('does not say where it is');
  expect(engine.names()).toEqual([]);
});

test('a control plane that is silent is given up, one that gives signs of life is not', async () => {
  const waits: (() => void)[] = [];
  const prepare = async function* () {
    for (;;) {
      await new Promise<void>((resolve) => waits.push(resolve));
      yield { repository: '', tag: '' };
    }
  };
  const abandoned = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('cancelled'))));
  const { fetcher, clock } = rig({
    prepare: ((_: unknown, signal: AbortSignal) => {
      const messages = prepare();
      return {
        [Symbol.asyncIterator]: () => ({ next: () => Promise.race([messages.next(), abandoned(signal)]) }),
      };
    }) as Plane['prepare'],
  });
  let error: Error | undefined;
  const fetched = fetcher.fetch(image, never).catch((thrown: Error) => (error = thrown));
  for (let sign = 0; sign < 5; sign++) {
    await clock.advance(20_000);
    waits.shift()?.();
  }
  expect(error).toBeUndefined();
  await clock.advance(31_000);
  await fetched;
  expect(error).toBeInstanceOf(PullFailed);
  expect(error?.message).toContain('the control plane has said nothing for 30 s');
});

/** As an engine begins to pull. */
async function readManifest(
  { repository: at }: ImageName,
  { username, password }: DoorCredentials,
): Promise<void> {
  const [host = '', ...path] = at.split('/');
  const url = `http://${host}/v2/${path.join('/')}/manifests/${tag}`;
  const options = { auth: `${username}:${password}`, agent: false as const };
  await new Promise((resolve) => get(url, options, (answer) => answer.resume().on('end', resolve)));
}

test('of what an engine fails with, the reason is told that it was refused for', async () => {
  const { fetcher, engine } = rig({ read: failing(new UnavailableError('the image registry is away')) });
  engine.transfer = async (_, name, credentials) => {
    await readManifest(name, credentials);
    throw new UnavailableError('received unexpected HTTP status: 502 Bad Gateway');
  };
  await expect(fetcher.fetch(image, never)).rejects.toThrow('cannot be fetched: the image registry is away');
});

test('a machine that reaches the registry itself reads it there, and not by the API', async () => {
  const registry = new FakeImageRegistry(repository);
  registry.addImage(image);
  const { fetcher, engine } = rig({ read: failing(new Error('the API was asked')) }, registry);
  engine.transfer = (_, name, credentials) => readManifest(name, credentials);
  await fetcher.fetch(image, never);
  expect(registry.asked).toEqual([`GET /v2/${repository}/manifests/${tag}`]);
});

test('who does not wait any more is told so', async () => {
  const { fetcher, engine } = rig();
  const left = new AbortController();
  engine.transfer = async () => {
    left.abort(new Error('nobody waits'));
    throw new UnavailableError('cancelled');
  };
  await expect(fetcher.fetch(image, left.signal)).rejects.toThrow('nobody waits');
  expect(engine.names()).toEqual([]);
});
