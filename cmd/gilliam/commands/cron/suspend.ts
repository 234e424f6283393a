import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { CronJob } from '../../../../pkg/gen/gilliam/v1/cron_job';
import { FormationCommand } from '../../formation-command';
import { setSuspended } from '../../lib/set-suspended';

export default class CronSuspend extends FormationCommand {
  static override summary = 'Run a cron job no more by its schedule, until it is resumed';
  static override examples = ['<%= config.bin %> cron suspend nightly'];
  static override args = {
    name: Args.string({ description: 'the job', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CronSuspend);
    const key = { formation: this.formation, name: args.name };
    const job = await setSuspended(
      this.client,
      { ...key, suspended: true, plan: flags.plan },
      this.context.signal,
    );
    this.answer(CronJob.toJSON(job), flags.plan ? `would suspend ${args.name}` : `${args.name} suspended`);
  }
}
