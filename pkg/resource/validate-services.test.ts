import { InvalidError } from '../base/errors';
import type { DeepPartial, Process } from '../gen/gilliam/v1/release';
import { ReleaseSpec } from '../gen/gilliam/v1/release';
import { validateRelease } from './validate-release';

const IMAGE = `sha256:${'0a'.repeat(32)}`;
const checker = { requirement: () => undefined, rank: () => undefined };

function errorsOf(processes: Record<string, DeepPartial<Process>>): string[] {
  try {
    validateRelease(ReleaseSpec.fromPartial({ image: IMAGE, processes }), checker);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return error.violations.map(({ field, description }) => `${field}: ${description}`);
  }
}

const redis: DeepPartial<Process> = {
  image: IMAGE,
  volumes: [{ name: 'data', path: '/var/lib/redis' }],
  auxiliary: {
    type: 'redis',
    version: '7',
    options: { maxmemory: '64mb' },
    urlVariable: 'CACHE_URL',
    url: 'redis://:{secret}@{host}:{port}/0',
  },
};

test.each<[string, Record<string, DeepPartial<Process>>]>([
  ['an auxiliary service', { web: { needs: ['_cache', 'api.user', '_db.user'] }, _cache: redis }],
  ['a diamond of needs', { a: { needs: ['b', 'c'] }, b: { needs: ['d'] }, c: { needs: ['d'] }, d: {} }],
  [
    'volumes of a process',
    {
      web: {
        volumes: [
          { name: 'a', path: '/a' },
          { name: 'b', path: '/a/b' },
        ],
      },
    },
  ],
  ['a name that every object has', { constructor: { needs: ['web'] }, web: { needs: [] } }],
])('%s is taken', (_, processes) => {
  expect(errorsOf(processes)).toEqual([]);
});

test.each<[string, Record<string, DeepPartial<Process>>, string]>([
  ['a leading _ without a type', { _web: {} }, 'a leading _ is for auxiliary services'],
  ['a type without a leading _', { cache: redis }, 'name it _cache, or leave auxiliary out'],
  ['only a _', { _: redis }, 'process name "_" is not allowed'],
  ['two of them', { __x: redis }, 'process name "__x" is not allowed'],
  ['the name of single commands', { run: {} }, 'process name "run" is reserved'],
  ['an image by tag', { web: { image: 'redis:7' } }, 'process web: image "redis:7" is not named by digest'],
  ['a type that is no name', { _c: { auxiliary: { type: 'Redis!' } } }, 'process _c: type "Redis!"'],
  [
    'a URL without its variable',
    { _c: { auxiliary: { type: 'x', url: 'x://' } } },
    'the URL has no variable to be given in',
  ],
  [
    'a variable without a URL',
    { _c: { auxiliary: { type: 'x', urlVariable: 'C_URL' } } },
    'there is no URL for C_URL',
  ],
  [
    'a variable that is reserved',
    { _c: { auxiliary: { type: 'x', url: 'x://', urlVariable: 'GILLIAM_C' } } },
    'config name "GILLIAM_C" is reserved',
  ],
  ['one variable for two', { _a: redis, _b: redis }, '_a and _b both have their URL in CACHE_URL'],
  [
    'an option with a NUL',
    { _c: { auxiliary: { type: 'x', options: { a: '\0' } } } },
    'option a is longer than 4096 characters, or has a NUL byte',
  ],
  ['an option of any name', { _c: { auxiliary: { type: 'x', options: { '-a': '' } } } }, 'option name "-a"'],
  ['a need that is not there', { web: { needs: ['_cahce'] }, _cache: redis }, 'did you mean "_cache"?'],
  [
    'a need that is no service',
    { web: { needs: ['a.b.c'] } },
    'process web needs "a.b.c", which is no service',
  ],
  ['a need of itself', { web: { needs: ['web'] } }, 'needs go round in a circle: web → web'],
  [
    'a circle',
    { a: { needs: ['b'] }, b: { needs: ['c'] }, c: { needs: ['b'] } },
    'needs go round in a circle: b → c → b',
  ],
  [
    'a volume whose name could be taken for a part of another one',
    { web: { volumes: [{ name: 'b-2-c', path: '/a' }] } },
    'volume name "b-2-c" is not allowed: it may have no number between two hyphens',
  ],
  ['a relative path', { web: { volumes: [{ name: 'a', path: 'data' }] } }, 'path "data" is not allowed'],
  ['the root', { web: { volumes: [{ name: 'a', path: '/' }] } }, 'path "/" is not allowed'],
  ['a way out', { web: { volumes: [{ name: 'a', path: '/a/../b' }] } }, 'path "/a/../b" is not allowed'],
  ["the engine's own", { web: { volumes: [{ name: 'a', path: '/proc/x' }] } }, "is the engine's own"],
  [
    'one path twice',
    {
      web: {
        volumes: [
          { name: 'a', path: '/a' },
          { name: 'b', path: '/a' },
        ],
      },
    },
    'two volumes are at "/a"',
  ],
  [
    'one volume twice',
    {
      web: {
        volumes: [
          { name: 'a', path: '/a' },
          { name: 'a', path: '/b' },
        ],
      },
    },
    'volume "a" is given twice',
  ],
  ['a volume by no name', { web: { volumes: [{ name: '', path: '/a' }] } }, 'volume name is missing'],
])('%s is refused', (_, processes, message) => {
  expect(errorsOf(processes).join('\n')).toContain(message);
});
