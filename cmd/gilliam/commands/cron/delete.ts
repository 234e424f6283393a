import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { CronJob } from '../../../../pkg/gen/gilliam/v1/cron_job';
import { FormationCommand } from '../../formation-command';

export default class CronDelete extends FormationCommand {
  static override summary = 'Delete a cron job; a run that is under way goes on';
  static override examples = ['<%= config.bin %> cron delete nightly'];
  static override args = {
    name: Args.string({ description: 'the job', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CronDelete);
    const request = { name: `${this.parent}/cronJobs/${args.name}`, validateOnly: flags.plan };
    const { cronJob = CronJob.fromPartial({}) } = await this.client.cron.deleteCronJob(request, {
      signal: this.context.signal,
    });
    this.answer(CronJob.toJSON(cronJob), flags.plan ? `would delete ${args.name}` : `${args.name} deleted`);
  }
}
