import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Executor } from '../../../../pkg/gen/gilliam/v1/executor';
import { BaseCommand } from '../../base-command';

export default class ExecutorForget extends BaseCommand {
  static override summary = 'Take an executor that is gone for good off the list';
  static override description =
    'Refused while it is connected, or may still run instances. One that connects again is on the list again.';
  static override examples = ['<%= config.bin %> executor forget node-1'];
  static override args = {
    name: Args.string({ description: 'the executor', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(ExecutorForget);
    const request = { name: `executors/${args.name}`, validateOnly: flags.plan };
    const { signal } = this.context;
    const { executor } = await this.client.executors.deleteExecutor(request, { signal });
    this.answer(
      Executor.toJSON(Executor.fromPartial(executor ?? {})),
      flags.plan ? `would forget ${args.name}` : `${args.name} forgotten`,
    );
    if (!flags.plan) this.hint('gilliam executors');
  }
}
