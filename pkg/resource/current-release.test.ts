import { currentRelease } from './current-release';
import { releases, scales } from './objects';
import type { Release, Scale } from './objects';

const release = (name: string, image = 'sha256:1'): Release => {
  const object = releases.decode(new Uint8Array());
  return { metadata: { ...object.metadata, name }, spec: { ...object.spec, image } };
};
const scale = (name: string, factors: Record<string, number>): Scale => {
  const object = scales.decode(new Uint8Array());
  return { ...object, metadata: { ...object.metadata, name }, spec: { factors } };
};
const current = (...given: Parameters<typeof currentRelease>) => currentRelease(...given)?.metadata.name;

test('the current release is the newest that has factors', () => {
  const all = [release('v1'), release('v10'), release('v2'), release('v9')];
  expect(current(all, [scale('v1', { web: 1 }), scale('v9', { web: 2 }), scale('v2', { web: 1 })])).toBe(
    'v9',
  );
  expect(current(all, [scale('v9', { web: 0 }), scale('v2', { web: 1 })])).toBe('v2');
});

test('where nothing is scaled it is the newest with an image', () => {
  expect(current([release('v1'), release('v2'), release('v3', '')], [])).toBe('v2');
  expect(current([release('v1', '')], [])).toBeUndefined();
  expect(current([], [])).toBeUndefined();
});
