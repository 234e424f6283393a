import * as fc from 'fast-check';
import { Process, Release as ReleaseMessage } from '../gen/gilliam/v1/release';
import { configOf, imageOf, processOfInstance, runnable, volumeName, volumesOf } from './instance-process';
import { isVolumeName } from './names';
import type { Instance, Release } from './objects';
import { mayBeOne } from './validate-volumes';

const auxiliary = { type: 'redis', urlVariable: 'CACHE_URL', url: 'redis://:{secret}@{host}', secret: 'x' };
const release = ReleaseMessage.fromPartial({
  metadata: { name: 'v1', formation: 'shop' },
  spec: {
    image: 'sha256:1',
    config: { COLOUR: 'blue' },
    processes: { web: {}, _cache: { image: 'sha256:2', env: { PASSWORD: '{secret}' }, auxiliary } },
  },
}) as Release;

const instanceOf = (process: string, oneOff?: object) =>
  ({ spec: { process, oneOff } }) as unknown as Pick<Instance, 'spec'>;
const of = (name: string) => processOfInstance(instanceOf(name), release);

it('is what the release says, and for a one-off of no process nothing', () => {
  expect(of('web')).toBe(release.spec.processes['web']);
  expect(of('run')).toBeUndefined();
  expect(processOfInstance(instanceOf('run', {}), release)).toEqual(Process.fromPartial({}));
  expect(processOfInstance(instanceOf('run', {}), undefined)).toBeUndefined();
  expect(processOfInstance(instanceOf('nightly', { like: 'web' }), release)).toBe(of('web'));
});

it("runs from the process's own image, else from the release's", () => {
  expect(imageOf(of('web'), release)).toBe('sha256:1');
  expect(imageOf(of('_cache'), release)).toBe('sha256:2');
});

describe('configOf', () => {
  it('gives processes the URLs of auxiliary services', () => {
    expect(configOf(of('web'), release)).toEqual({
      CACHE_URL: 'redis://:x@_cache.shop.service',
      COLOUR: 'blue',
    });
  });

  it('lets what users have configured win, and what the process says itself', () => {
    const configured = { ...release, spec: { ...release.spec, config: { CACHE_URL: 'mine' } } };
    expect(configOf(of('web'), configured)).toEqual({ CACHE_URL: 'mine' });
    expect(configOf(Process.fromPartial({ env: { CACHE_URL: 'own' } }), release)).toEqual({ COLOUR: 'blue' });
  });

  it('gives auxiliary services nothing', () => {
    expect(configOf(of('_cache'), release)).toEqual({});
  });
});

it('fills the secret of an auxiliary service into its environment, and shows it nowhere else', () => {
  const { env, auxiliary: shown } = runnable('_cache', of('_cache') as Process, 'shop');
  expect(env).toEqual({ PASSWORD: 'x' });
  expect(shown).toMatchObject({ type: 'redis', secret: '', url: '' });
});

it('has volumes unless it is a one-off', () => {
  const process = Process.fromPartial({ volumes: [{ name: 'data', path: '/data' }] });
  expect(volumesOf(instanceOf('web'), process)).toBe(process.volumes);
  expect(volumesOf(instanceOf('web', {}), process)).toEqual([]);
});

test('no two volumes of different services or ordinals have one name', () => {
  const word = fc.stringMatching(/^[a-c](-?[a-c0-2]){0,6}$/);
  const part = fc.tuple(word, fc.integer({ min: 1, max: 3 }), word.filter(isVolumeName));
  fc.assert(
    fc.property(part, part, (one, other) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other));
      expect(volumeName(...one)).not.toBe(volumeName(...other));
    }),
    {
      numRuns: 2_000,
      examples: [
        [
          ['a', 1, 'b'],
          ['a-1-b', 2, 'c'],
        ],
      ],
    },
  );
  expect(isVolumeName('b-2-c')).toBe(false);
  expect(['data', 'b-2', 'b2-c', 'wal-2a'].every(isVolumeName)).toBe(true);
});

test('which volumes of two services could have one name is known, also of those that may not be named so any more', () => {
  const word = fc.stringMatching(/^[ab](-?[ab1]){0,6}$/);
  const ordinals = [1, 11, 2];
  fc.assert(
    fc.property(word, word, word, word, (service, volume, otherService, otherVolume) => {
      fc.pre(service !== otherService);
      const names = (of: string, name: string) => ordinals.map((ordinal) => volumeName(of, ordinal, name));
      const others = new Set(names(otherService, otherVolume));
      const same = names(service, volume).some((name) => others.has(name));
      const [one, other] = [
        { service, volume },
        { service: otherService, volume: otherVolume },
      ];
      if (same) expect([mayBeOne(one, other), mayBeOne(other, one)]).toEqual([true, true]);
    }),
    { numRuns: 5_000, examples: [['a', 'b-1-b', 'a-1-b', 'b']] },
  );
  expect(mayBeOne({ service: 'db', volume: 'a-2-b' }, { service: 'db-1-a', volume: 'b' })).toBe(true);
  for (const [service, volume] of [
    ['db-1-a', 'c'],
    ['db-a', 'b'],
    ['db', 'b'],
    ['dba-1-a', 'b'],
    ['db-1', 'b'],
  ] as const)
    expect(mayBeOne({ service: 'db', volume: 'a-2-b' }, { service, volume })).toBe(false);
});
