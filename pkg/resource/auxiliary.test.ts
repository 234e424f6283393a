import { Process, Release as ReleaseMessage } from '../gen/gilliam/v1/release';
import { auxiliaryEnvironment, auxiliaryVariables, isAuxiliary, sameDefinition } from './auxiliary';
import type { Release } from './objects';

const cache = {
  image: 'sha256:1',
  ports: [{ name: '', containerPort: 6379 }],
  env: { PASSWORD: '{secret}', OPTIONS: '{"save": "{other}"}', NAME: '{formation}' },
  auxiliary: {
    type: 'redis',
    urlVariable: 'CACHE_URL',
    url: 'redis://:{secret}@{host}:{port}/0',
    secret: 's3cret',
    options: { maxmemory: '64mb', appendonly: 'yes' },
  },
};

const release = (processes: Record<string, object>) =>
  ReleaseMessage.fromPartial({ spec: { processes } }) as Release;

test.each([
  ['_cache', true],
  ['cache', false],
  ['', false],
])('%s is auxiliary: %s', (name, expected) => {
  expect(isAuxiliary(name)).toBe(expected);
});

describe('auxiliaryVariables', () => {
  it('fills in where the service is and its secret', () => {
    expect(auxiliaryVariables(release({ _cache: cache, web: {} }), 'shop')).toEqual({
      CACHE_URL: 'redis://:s3cret@_cache.shop.service:6379/0',
    });
  });

  it('gives none for services without a URL', () => {
    expect(
      auxiliaryVariables(release({ _x: { auxiliary: { type: 'x', urlVariable: 'X_URL' } } }), 'shop'),
    ).toEqual({});
  });
});

it('fills the same into the environment of its own instances, and leaves other braces alone', () => {
  expect(auxiliaryEnvironment('_cache', Process.fromPartial(cache), 'shop')).toEqual({
    PASSWORD: 's3cret',
    OPTIONS: '{"save": "{other}"}',
    NAME: 'shop',
  });
});

describe('sameDefinition', () => {
  const of = (more: object = {}) => Process.fromPartial({ ...cache, ...more });

  it.each<[string, object, boolean]>([
    ['the same words', {}, true],
    [
      'options in another order',
      { auxiliary: { ...cache.auxiliary, options: { appendonly: 'yes', maxmemory: '64mb' } } },
      true,
    ],
    ['another image', { image: 'sha256:2' }, false],
    ['another secret', { auxiliary: { ...cache.auxiliary, secret: 'other' } }, false],
    ['another option', { auxiliary: { ...cache.auxiliary, options: { maxmemory: '65mb' } } }, false],
    ['another volume', { volumes: [{ name: 'data', path: '/data' }] }, false],
    ['resources that say nothing', { resources: {} }, false],
  ])('%s', (_, more, expected) => {
    expect(sameDefinition(of(), of(more))).toBe(expected);
  });

  it('does not tell absent from empty', () => {
    expect(sameDefinition(of(), Process.decode(Process.encode(of()).finish()))).toBe(true);
  });
});
