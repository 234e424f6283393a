import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Instance } from '../../../../pkg/gen/gilliam/v1/instance';
import { FormationCommand } from '../../formation-command';
import { shortName } from '../../lib/instance-line';

export default class CronRun extends FormationCommand {
  static override summary = 'Run a cron job now, whatever its schedule says';
  static override examples = ['<%= config.bin %> cron run nightly'];
  static override args = {
    name: Args.string({ description: 'the job', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CronRun);
    const name = `${this.parent}/cronJobs/${args.name}`;
    const { signal } = this.context;
    if (flags.plan) {
      const { cronJob } = await this.client.cron.getCronJob({ name }, { signal });
      return this.answer({ name }, `would run ${cronJob?.spec?.command.join(' ') ?? args.name}`);
    }
    const { instance = Instance.fromPartial({}) } = await this.client.cron.runCronJob({ name }, { signal });
    this.answer(Instance.toJSON(instance), `${shortName(instance)} was started`);
    this.hint(`gilliam logs -f ${shortName(instance)}`);
  }
}
