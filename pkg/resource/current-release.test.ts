import { RolloutPhase, RolloutSpec, RolloutStatus } from '../gen/gilliam/v1/rollout';
import { currentRelease } from './current-release';
import { releases, rollouts, scales } from './objects';
import type { Release, Rollout, Scale } from './objects';

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

const { PROGRESSING, PAUSED, ABORTING, ABORTED, SUCCEEDED } = RolloutPhase;
const rollout = (phase: RolloutPhase, over: Partial<RolloutSpec> = {}): Rollout => ({
  ...rollouts.decode(new Uint8Array()),
  spec: RolloutSpec.fromPartial({ to: 'v3', from: ['v1', 'v2'], ...over }),
  status: RolloutStatus.fromPartial({
    phase,
    original: { v1: { factors: { web: 2, worker: 2 } }, v2: { factors: { web: 3 } } },
  }),
});

test.each<[string, Rollout, string]>([
  ['under way: what gives way, the most of it', rollout(PROGRESSING), 'v1'],
  ['at its canary', rollout(PAUSED), 'v1'],
  ['on its way back', rollout(ABORTING), 'v1'],
  ['that has ended', rollout(SUCCEEDED), 'v3'],
  ['that was taken back', rollout(ABORTED), 'v3'],
  ['from nothing', rollout(PROGRESSING, { from: [] }), 'v3'],
  ['of equals: the newest', rollout(PAUSED, { from: ['v2', 'v4'] }), 'v2'],
  ['back to what was good', rollout(PROGRESSING, { immediate: true }), 'v3'],
])('the current release amid a rollout %s', (_, given, expected) => {
  const all = ['v1', 'v2', 'v3'].map((name) => release(name));
  const running = [scale('v1', { web: 1 }), scale('v2', { web: 1 }), scale('v3', { web: 1 })];
  expect(current(all, running, given)).toBe(expected);
});
