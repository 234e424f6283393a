import { CronJobSpec, CronJobSpec_Overlap, CronJobStatus } from '../../gen/gilliam/v1/cron_job';
import { InstanceState, OneOff } from '../../gen/gilliam/v1/instance';
import type { CronJob, Instance } from '../../resource/objects';
import { parseSchedule } from '../../resource/schedule';
import { frozen, instance, release, SHOP } from '../fixtures';
import type { InstanceFacts } from '../fixtures';
import { planCron } from './plan';

const { SKIP, ALLOW, REPLACE } = CronJobSpec_Overlap;
const { RUNNING, STOPPED, FAILED, LOST } = InstanceState;

const at = (time: string) => new Date(`2026-03-01T${time}Z`);

function job(spec: Partial<CronJobSpec> = {}, status: Partial<CronJobStatus> = {}): CronJob {
  return {
    metadata: {
      ...{ name: 'nightly', formation: SHOP, uid: 'u', generation: 1n, revision: 1n, labels: {} },
      created: at('00:00:00'),
    },
    spec: CronJobSpec.fromPartial({ schedule: '30 2 * * *', command: ['rake'], ...spec }),
    status: CronJobStatus.fromPartial({ observedGeneration: 1n, nextDue: at('02:30:00'), ...status }),
  };
}

function run(
  facts: InstanceFacts & { exitCode?: number; deadlineMs?: number; created?: Date } = {},
): Instance {
  const made = instance('nightly.1', facts);
  return {
    ...made,
    metadata: { ...made.metadata, created: facts.created ?? at('02:00:00') },
    spec: {
      ...made.spec,
      oneOff: OneOff.fromPartial({ cronJob: 'nightly', deadlineMs: facts.deadlineMs ?? 0 }),
    },
    status: { ...made.status, ...(facts.exitCode === undefined ? {} : { exitCode: facts.exitCode }) },
  };
}

const v1 = (() => {
  const made = release('v1', 'web');
  return { ...made, spec: { ...made.spec, image: 'sha256:1' } };
})();

function plan(of: CronJob, now: string, runs: Instance[] = [], current = v1) {
  const schedule = parseSchedule(of.spec.schedule, of.spec.timeZone);
  return planCron(frozen({ job: of, schedule, runs, release: current, now: at(now) }));
}

const reasons = ({ happenings }: ReturnType<typeof planCron>) => happenings.map(({ reason }) => reason);

describe('planCron', () => {
  it('waits until a run is due', () => {
    const planned = plan(job(), '02:29:00');
    expect(planned).toEqual({ stop: [], happenings: [], nextDue: at('02:30:00'), requeueAfterMs: 60_000 });
  });

  it('starts a run that is due, for the time that it was due', () => {
    const planned = plan(job(), '02:30:00.005');
    expect(planned.start).toEqual({ release: v1, due: at('02:30:00') });
    expect(planned.lastDue).toEqual(at('02:30:00'));
    expect(planned.nextDue).toEqual(new Date('2026-03-02T02:30:00Z'));
  });

  it.each([
    ['02:31:00', 'within catch_up', true, []],
    ['02:31:01', 'too late', false, ['Missed']],
  ])('makes up for a missed run at %s: %s', (now, _, started, happened) => {
    const planned = plan(job(), now);
    expect(planned.start !== undefined).toBe(started);
    expect(reasons(planned)).toEqual(happened);
    expect(planned.nextDue).toEqual(new Date('2026-03-02T02:30:00Z'));
  });

  it('makes up for the last of several missed runs only', () => {
    const planned = plan(job({ schedule: '*/10 * * * *', catchUpMs: 3_600_000 }), '03:05:00');
    expect(planned.start?.due).toEqual(at('03:00:00'));
    expect(reasons(planned)).toEqual(['Missed']);
    expect(planned.nextDue).toEqual(at('03:10:00'));
  });

  it('is quick and quiet about a year that nobody looked', () => {
    const waiting = { nextDue: new Date('2025-03-01T00:00:00Z') };
    const planned = plan(job({ schedule: '* * * * *' }, waiting), '02:30:30');
    expect(planned.start?.due).toEqual(at('02:30:00'));
    expect(reasons(planned)).toEqual(['Missed']);
  });

  it('leaves a run out while the last one is under way', () => {
    for (const overlap of [SKIP, CronJobSpec_Overlap.UNSPECIFIED]) {
      const planned = plan(job({ overlap }), '02:30:01', [run()]);
      expect(planned.start).toBeUndefined();
      expect(planned.happenings).toEqual([
        { reason: 'Skipped', message: 'the last run is still under way: nightly.1' },
      ]);
      expect(planned.nextDue).toEqual(new Date('2026-03-02T02:30:00Z'));
    }
  });

  it('runs side by side where that is allowed', () => {
    expect(plan(job({ overlap: ALLOW }), '02:30:01', [run()]).start).toBeDefined();
  });

  it('stops the last run first where it is to be replaced, however long that takes', () => {
    const replacing = job({ overlap: REPLACE });
    const first = plan(replacing, '02:30:01', [run()]);
    expect(first).toEqual({ stop: [run()], happenings: [], nextDue: at('02:30:00') });
    const waiting = plan(replacing, '02:40:00', [run({ stop: true })]);
    expect(waiting).toMatchObject({ stop: [], happenings: [] });
    expect(waiting.start).toBeUndefined();
    const ended = run({ stop: true, state: STOPPED, changed: at('02:45:00'), exitCode: 143 });
    expect(plan(replacing, '02:45:01', [ended]).start?.due).toEqual(at('02:30:00'));
  });

  it('does nothing while suspended, and makes up for nothing when resumed', () => {
    expect(plan(job({ suspended: true }), '02:30:01')).toEqual({ stop: [], happenings: [] });
    const resumed = job();
    const planned = plan({ ...resumed, status: { ...resumed.status, nextDue: undefined } }, '02:30:01');
    expect(planned.start).toBeUndefined();
    expect(planned.nextDue).toEqual(new Date('2026-03-02T02:30:00Z'));
  });

  it('does not overlook what became due before it was first seen', () => {
    const unseen = job({}, { observedGeneration: 0n, nextDue: undefined });
    expect(plan(unseen, '02:30:20').start?.due).toEqual(at('02:30:00'));
  });

  it('begins anew with another schedule, and goes on when something else has changed', () => {
    const changed = job({ schedule: '0 5 * * *' }, { observedGeneration: 0n });
    const other = { ...changed, metadata: { ...changed.metadata, generation: 2n } };
    const seen = { ...other, status: { ...other.status, observedGeneration: 1n } };
    expect(plan(seen, '02:30:01').start).toBeUndefined();
    expect(plan(seen, '02:30:01').nextDue).toEqual(at('05:00:00'));
    const same = { ...seen, spec: { ...seen.spec, schedule: '30 2 * * *' } };
    expect(plan(same, '02:30:01').start).toBeDefined();
  });

  it.each<[string, Instance, string, string]>([
    ['0', run({ state: STOPPED, exitCode: 0 }), 'Succeeded', 'exit code 0'],
    ['3', run({ state: STOPPED, exitCode: 3 }), 'Failed', 'exit code 3'],
    ['none', run({ state: STOPPED }), 'Failed', 'was stopped'],
    [
      'no image',
      run({ state: FAILED, message: 'no such image' }),
      'Failed',
      'could not be run: no such image',
    ],
    ['a lost executor', run({ state: LOST }), 'Failed', 'was lost with its executor'],
  ])('tells once what became of a run: %s', (_, ended, reason, message) => {
    const started = { lastReason: 'Started', lastInstance: 'nightly.1' };
    const [happening] = plan(job({}, started), '02:00:30', [ended]).happenings;
    expect(happening?.reason).toBe(reason);
    expect(happening?.message).toContain(message);
    expect(plan(job({}, { ...started, lastReason: reason }), '02:00:30', [ended]).happenings).toEqual([]);
  });

  it('stops a run at its deadline', () => {
    const long = run({ deadlineMs: 600_000, created: at('02:00:00') });
    expect(plan(job(), '02:09:00', [long])).toMatchObject({ stop: [], requeueAfterMs: 60_000 });
    expect(plan(job(), '02:10:00', [long]).stop).toEqual([long]);
    expect(plan(job(), '02:10:00', [run({ state: RUNNING, stop: true, deadlineMs: 1 })]).stop).toEqual([]);
  });

  it.each([
    ['no release', job(), undefined, 'there is no release'],
    ['no image', job(), release('v1', 'web'), 'v1 has no image'],
    ['no such process', job({ process: 'wbe' }), v1, 'v1 has no process wbe'],
  ])('says why it cannot run: %s', (_, of, current, why) => {
    const schedule = parseSchedule(of.spec.schedule);
    const planned = planCron({ job: of, schedule, runs: [], release: current, now: at('02:30:00') });
    expect(planned.start).toBeUndefined();
    expect(reasons(planned)).toEqual(['Failed']);
    expect(planned.happenings[0]?.message).toContain(why);
  });
});
