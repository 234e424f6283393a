import { InstanceState, OneOff } from '../../gen/gilliam/v1/instance';
import type { Instance } from '../../resource/objects';
import { volumeOf } from '../../testing/scheduling-objects';
import { event, formation, frozen, instance } from '../fixtures';
import { defaultRetention, isOver, planEvents, planInstances, planVolumes } from './plan';

const { STOPPED, FAILED } = InstanceState;
const now = new Date(100 * 3_600_000);
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const finished = (name: string, incarnation: number, minutes: number) =>
  instance(name, { state: STOPPED, incarnation, changed: minutesAgo(minutes) });

const names = (objects: readonly { metadata: { name: string } }[]) =>
  objects.map(({ metadata }) => metadata.name);
const plan = (instances: Instance[], retention = defaultRetention) =>
  planInstances(frozen(instances), retention, now);

describe('planInstances', () => {
  it('forgets finished instances after ten minutes', () => {
    const { forget, requeueAfterMs } = plan([
      finished('web.1', 1, 11),
      finished('web.1', 2, 10),
      finished('web.1', 3, 4),
      instance('web.1', { incarnation: 4 }),
    ]);
    expect(names(forget)).toEqual(['web-1-2', 'web-1-1']);
    expect(requeueAfterMs).toBe(6 * 60_000);
  });

  it('keeps the newest holder of each ordinal, however old', () => {
    const { forget, requeueAfterMs } = plan([
      finished('web.1', 1, 9_000),
      finished('web.1', 2, 8_000),
      finished('web.2', 7, 9_000),
      instance('worker.1', { state: FAILED, changed: minutesAgo(9_000) }),
    ]);
    expect(names(forget)).toEqual(['web-1-1']);
    expect(requeueAfterMs).toBeUndefined();
  });

  it('forgets the oldest of too many, before their time', () => {
    const instances = Array.from({ length: 6 }, (_, index) => finished('web.1', index + 1, 6 - index));
    const { forget } = plan(instances, { ...defaultRetention, finishedPerProcess: 3 });
    expect(names(forget)).toEqual(['web-1-2', 'web-1-1']);
  });

  it('forgets finished one-offs after a minute, the newest too', () => {
    const oneOff = (name: string, minutes: number) => ({
      ...finished(name, 1, minutes),
      spec: instance(name, { oneOff: true }).spec,
    });
    const { forget, requeueAfterMs } = plan([
      oneOff('run.1', 0.5),
      oneOff('run.2', 1),
      finished('web.1', 1, 9),
    ]);
    expect(names(forget)).toEqual(['run-2-1']);
    expect(requeueAfterMs).toBe(30_000);
    const { spec } = oneOff('nightly.1', 9);
    const nightly = { ...spec, oneOff: OneOff.fromPartial({ cronJob: 'nightly' }) };
    expect(plan([{ ...oneOff('nightly.1', 9), spec: nightly }]).forget).toEqual([]);
    expect(plan([{ ...oneOff('nightly.1', 10), spec: nightly }]).forget).toHaveLength(1);
  });

  it('never forgets what lives', () => {
    const old = instance('web.1', { changed: minutesAgo(9_000) });
    const stopping = instance('web.2', {
      stop: true,
      state: InstanceState.STOPPING,
      changed: minutesAgo(9_000),
    });
    expect(plan([old, stopping])).toEqual({ forget: [] });
  });
});

describe('planEvents', () => {
  it('forgets what last happened a day ago', () => {
    const events = [event('a', minutesAgo(24 * 60)), event('b', minutesAgo(24 * 60 - 1)), event('c', now)];
    expect(names(planEvents(frozen(events), defaultRetention, now))).toEqual(['a']);
  });

  it('forgets the oldest of too many', () => {
    const events = Array.from({ length: 1_003 }, (_, index) => event(`e${index}`, minutesAgo(index / 60)));
    expect(names(planEvents(frozen(events), defaultRetention, now))).toEqual(['e1000', 'e1001', 'e1002']);
  });
});

describe('isOver', () => {
  it.each<[string, boolean, Instance[], boolean]>([
    ['a formation that is not deleted', false, [], false],
    [
      'a deleted formation of which something lives',
      true,
      [finished('web.1', 1, 1), instance('web.2')],
      false,
    ],
    ['a deleted formation of which nothing lives', true, [finished('web.1', 1, 1)], true],
  ])('%s', (_, deleted, instances, over) => {
    expect(isOver(formation('shop', deleted ? now : undefined), instances)).toBe(over);
  });

  it('what is left of a formation that is gone', () => {
    expect(isOver(undefined, [])).toBe(true);
  });
});

describe('planVolumes', () => {
  const data = volumeOf({ service: '_db', volume: 'data', executor: 'e1' });
  const asked = volumeOf({ service: '_db', volume: 'data', executor: 'e1', ordinal: 2, deleted: now });
  const lost = volumeOf({ service: '_db', volume: 'data', executor: 'e2', ordinal: 3 });
  const isLost = (executor: string) => executor === 'e2';

  it('leaves the volumes of a formation alone that is not deleted', () => {
    expect(planVolumes(formation(), frozen([data, asked, lost]), isLost)).toEqual({ ask: [], forget: [] });
  });

  it('has those of a deleted one deleted, and does not wait for executors that are lost', () => {
    const { ask, forget } = planVolumes(formation('shop', now), frozen([data, asked, lost]), isLost);
    expect(ask).toEqual([{ ...data, metadata: { ...data.metadata, deleted: now } }]);
    expect(forget).toEqual([lost]);
  });
});
