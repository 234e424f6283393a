import { RolloutPhase, RolloutSpec, RolloutStatus } from '../gen/gilliam/v1/rollout';
import { Retired } from '../gen/gilliam/v1/scale';
import { rollouts, scales } from './objects';
import type { Rollout, Scale } from './objects';
import { previousRelease } from './previous-release';

const gone = (name: string, second: number, by: string, web = 1): Scale => {
  const object = scales.decode(new Uint8Array());
  const retired = Retired.fromPartial({ time: new Date(second * 1_000), by, factors: { web } });
  return { ...object, metadata: { ...object.metadata, name }, spec: { factors: {}, retired } };
};

test.each<[string, Scale[], string | undefined]>([
  ['nothing', [], undefined],
  ['what gave way last', [gone('v1', 1, 'v3'), gone('v2', 2, 'v3')], 'v2'],
  ['of two at once the larger', [gone('v1', 1, 'v3', 5), gone('v2', 1, 'v3', 4)], 'v1'],
  ['of equal ones the newest', [gone('v10', 1, 'v3'), gone('v2', 1, 'v3'), gone('v9', 1, 'v3')], 'v10'],
  ['not itself', [gone('v3', 9, 'v4'), gone('v2', 2, 'v3')], 'v2'],
  ['not what was to give way to another', [gone('v1', 9, 'v5'), gone('v2', 2, 'v3')], 'v2'],
  ['what was scaled to none by hand since', [gone('v1', 9, ''), gone('v2', 2, 'v3')], 'v1'],
  ['whatever gave way, where nothing else did', [gone('v1', 1, 'v5'), gone('v2', 2, 'v4')], 'v2'],
])('what ran before v3 is %s', (_, all, expected) => {
  expect(previousRelease(all, undefined, 'v3')).toBe(expected);
  expect(previousRelease(all.toReversed(), undefined, 'v3')).toBe(expected);
});

test('amid a rollout it is what gives way', () => {
  const rollout = (phase: RolloutPhase): Rollout => ({
    ...rollouts.decode(new Uint8Array()),
    spec: RolloutSpec.fromPartial({ to: 'v3', from: ['v1', 'v2'] }),
    status: RolloutStatus.fromPartial({
      phase,
      original: { v1: { factors: { web: 4 } }, v2: { factors: { web: 1 } } },
    }),
  });
  const all = [gone('v1', 1, 'v3'), gone('v2', 2, 'v3')];
  expect(previousRelease(all, rollout(RolloutPhase.PAUSED), 'v1')).toBe('v1');
  expect(previousRelease(all, rollout(RolloutPhase.SUCCEEDED), 'v3')).toBe('v2');
});
