import { Process } from '../../gen/gilliam/v1/release';
import { formations, releases, scales, type Kind, type StoredObject } from '../../resource/objects';
import { importedUrls } from './imported-urls';

function made<T extends StoredObject>(kind: Kind<T>, name: string, formation: string, spec: object): T {
  const empty = kind.decode(new Uint8Array()) as T & { spec: object };
  return { ...empty, metadata: { ...empty.metadata, name, formation }, spec: { ...empty.spec, ...spec } };
}

function redis(url: string): Process {
  return Process.fromPartial({
    ports: [{ containerPort: 6379 }],
    auxiliary: { type: 'redis', url, secret: 's' },
  });
}

/** The formation `orders`, whose `_queue` is what these releases say, and has these factors. */
function sources(urls: readonly string[], factors: readonly number[], shared: readonly string[]) {
  const formation = {
    ...made(formations, 'orders', '', { shares: { _queue: { with: [...shared] } } }),
    status: { lastRelease: urls.length, observedGeneration: 0n, conditions: [] },
  };
  return {
    formations: { get: ({ name }: { name: string }) => (name === 'orders' ? formation : undefined) },
    releases: {
      get: ({ name }: { name: string }) => {
        const url = urls[Number(name.slice(1)) - 1];
        return url === undefined
          ? undefined
          : made(releases, name, 'orders', {
              processes: { _queue: redis(url), web: Process.fromPartial({}) },
            });
      },
    },
    scales: {
      get: ({ name }: { name: string }) =>
        made(scales, name, 'orders', { factors: { _queue: factors[Number(name.slice(1)) - 1] ?? 0 } }),
    },
  };
}

const url = 'redis://:{secret}@{host}:{port}';
const filled = 'redis://:s@_queue.orders.service:6379';

test.each([
  ['shared with it', ['mail'], { queue: '_queue.orders' }, { QUEUE_URL: filled }],
  ['shared with everybody', ['*'], { 'job-queue': '_queue.orders' }, { JOB_QUEUE_URL: filled }],
  ['shared with others', ['blog'], { queue: '_queue.orders' }, {}],
  ['shared with nobody', [], { queue: '_queue.orders' }, {}],
  ['not an auxiliary service', ['mail'], { queue: 'web.orders' }, {}],
  ['of no formation', ['mail'], { queue: '_queue.nothing' }, {}],
  ['no service', ['mail'], { queue: '_other.orders' }, {}],
])('a service that is %s', (_what, shared, imports, expected) => {
  expect(importedUrls('mail', imports, sources([url], [1], shared))).toEqual(expected);
});

test('is as the newest release that has factors says it, or else the newest', () => {
  const imports = { queue: '_queue.orders' };
  expect(importedUrls('mail', imports, sources(['one', 'two', 'three'], [1, 1, 0], ['*']))).toEqual({
    QUEUE_URL: 'two',
  });
  expect(importedUrls('mail', imports, sources(['one', 'two'], [0, 0], ['*']))).toEqual({ QUEUE_URL: 'two' });
});
