import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { NotFoundError } from '../../../../pkg/base/errors';
import { CronJob, CronJobSpec, CronJobSpec_Overlap } from '../../../../pkg/gen/gilliam/v1/cron_job';
import { FormationCommand } from '../../formation-command';
import { splitLine } from '../../lib/command-tail';
import { parseDuration } from '../../lib/duration';

const overlaps: Readonly<Record<string, CronJobSpec_Overlap>> = {
  skip: CronJobSpec_Overlap.SKIP,
  allow: CronJobSpec_Overlap.ALLOW,
  replace: CronJobSpec_Overlap.REPLACE,
};

export default class CronSet extends FormationCommand {
  static override summary = 'Make a cron job, or say anew what one is';
  static override description =
    'The schedule is five fields (minute, hour, day of month, month, day of week) in one word, or @hourly, @daily, @weekly, @monthly, @yearly. Where a clock is put forward over a time of day, the run comes right after; where it is put back, once. Flags behind the schedule are the command’s own.';
  static override usage = 'cron set [--time-zone ZONE] [--process web] NAME SCHEDULE COMMAND…';
  static override examples = [
    "<%= config.bin %> cron set nightly '30 2 * * *' rake report",
    "<%= config.bin %> cron set --time-zone Europe/Stockholm --overlap replace sync '*/10 * * * *' ./sync",
  ];
  static override strict = false;
  static override args = {
    name: Args.string({ description: 'the job', required: true, ignoreStdin: true }),
    schedule: Args.string({ description: 'when it is due', required: true, ignoreStdin: true }),
  };
  static override flags = {
    'time-zone': Flags.string({ description: 'whose clock; default UTC', helpValue: 'ZONE' }),
    process: Flags.string({
      description: 'as this process has it: its image, environment and resources',
      helpValue: 'PROCESS',
    }),
    overlap: Flags.string({
      description: 'what to do when the last run is still under way; default skip',
      options: Object.keys(overlaps),
    }),
    'catch-up': Flags.string({
      description: 'how old a missed run may be to be made up for; default 1m',
      helpValue: 'TIME',
    }),
    deadline: Flags.string({ description: 'after which a run is stopped; default never', helpValue: 'TIME' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { own, tail } = splitLine(this.argv, { ...CronSet.flags, ...CronSet.baseFlags }, 2);
    this.argv = [...own];
    const { args, flags } = await this.parse(CronSet);
    const spec = CronJobSpec.fromPartial({
      schedule: args.schedule,
      timeZone: flags['time-zone'] ?? '',
      command: [...tail],
      process: flags.process ?? '',
      overlap: overlaps[flags.overlap ?? 'skip'],
      catchUpMs: parseDuration(flags['catch-up'] ?? '0s'),
      deadlineMs: parseDuration(flags.deadline ?? '0s'),
    });
    const job = await this.#put(args.name, spec, flags.plan);
    this.answer(CronJob.toJSON(job), `${flags.plan ? 'would set' : 'set'} ${args.name}: ${args.schedule}`);
    if (!flags.plan) this.hint(`gilliam cron run ${args.name}`);
  }

  async #put(name: string, spec: CronJobSpec, validateOnly: boolean): Promise<CronJob> {
    const { signal } = this.context;
    const { cron } = this.client;
    try {
      const { cronJob } = await cron.updateCronJob(
        {
          cronJob: { metadata: { formation: this.formation, name }, spec },
          // A job that is suspended stays so.
          updateMask: [
            ...['schedule', 'time_zone', 'command', 'process', 'overlap', 'catch_up_ms', 'deadline_ms'],
          ],
          validateOnly,
        },
        { signal },
      );
      return cronJob ?? CronJob.fromPartial({});
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      const request = { parent: this.parent, cronJob: { metadata: { name }, spec }, validateOnly };
      const { cronJob } = await cron.createCronJob(request, { signal });
      return cronJob ?? CronJob.fromPartial({});
    }
  }
}
