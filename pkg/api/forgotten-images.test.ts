import { silentLogger } from '../base/log';
import { ReleaseSpec } from '../gen/gilliam/v1/release';
import { StageRepository } from '../images/stage-repository';
import { FakeImageRegistry } from '../testing/fake-image-registry';
import { VirtualClock } from '../testing/virtual-clock';
import type { ApiContext } from './api-context';
import { forgetImages, namedImages } from './forgotten-images';

const name = 'gilliam/prod-1f2e3d4c';
const hourMs = 60 * 60_000;
const imageOf = (digits: string) => `sha256:${digits.repeat(32)}`;
const release = (image: string, processes: Record<string, { image: string }> = {}) => ({
  spec: ReleaseSpec.fromPartial({ image, processes }),
});

test('what a release, a process of one, or a build for one names is named', () => {
  const all = [release(imageOf('a1'), { _cache: { image: imageOf('b2') } })];
  const builders = [
    { status: { built: { source: 'x', image: imageOf('c3') } } },
    { status: { built: undefined } },
  ];
  expect([...namedImages(all, builders)].sort()).toEqual([imageOf('a1'), imageOf('b2'), imageOf('c3')]);
});

describe('an image in the registry', () => {
  const end = new AbortController();
  const clock = new VirtualClock();
  const registry = new FakeImageRegistry(name);
  const repository = new StageRepository(registry, name);
  let released = [release(imageOf('a1'))];
  let looking: Promise<void>;

  beforeAll(async () => {
    const caches = {
      synced: async () => {},
      of: ({ name: kind }: { name: string }) => ({ list: () => (kind === 'Release' ? released : []) }),
    };
    const context = { clock, log: silentLogger, caches } as unknown as ApiContext;
    registry.addImage(imageOf('a1'));
    registry.addImage(imageOf('b2'));
    const publisher = { publish: async () => {} };
    looking = forgetImages(context, { repository, registry, publisher }, end.signal);
    await clock.advance(hourMs);
  });
  afterAll(async () => {
    end.abort(new Error('over'));
    await looking;
    expect(clock.pending).toBe(0);
  });
  const there = () => repository.list(new AbortController().signal);

  test('that no release names yet stays for as long as it takes to make one', async () => {
    expect(await there()).toEqual([imageOf('a1'), imageOf('b2')]);
    registry.addImage(imageOf('c3'));
    await clock.advance(hourMs);
    released = [...released, release(imageOf('c3'))];
    expect(await there()).toEqual([imageOf('a1'), imageOf('c3')]);
    await clock.advance(hourMs);
    expect(await there()).toEqual([imageOf('a1'), imageOf('c3')]);
  });

  test('goes with the last release that names it, and not while the registry is away', async () => {
    released = [release(imageOf('c3'))];
    await clock.advance(hourMs);
    registry.away = true;
    await clock.advance(hourMs);
    registry.away = false;
    await clock.advance(hourMs);
    expect(await there()).toEqual([imageOf('c3')]);
  });
});
