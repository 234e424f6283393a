import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { CronJob } from '../../../../pkg/gen/gilliam/v1/cron_job';
import { FormationCommand } from '../../formation-command';
import { setSuspended } from '../../lib/set-suspended';

export default class CronResume extends FormationCommand {
  static override summary = 'Run a cron job by its schedule again; what was missed is left out';
  static override examples = ['<%= config.bin %> cron resume nightly'];
  static override args = {
    name: Args.string({ description: 'the job', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CronResume);
    const key = { formation: this.formation, name: args.name };
    const job = await setSuspended(
      this.client,
      { ...key, suspended: false, plan: flags.plan },
      this.context.signal,
    );
    this.answer(CronJob.toJSON(job), flags.plan ? `would resume ${args.name}` : `${args.name} resumed`);
  }
}
