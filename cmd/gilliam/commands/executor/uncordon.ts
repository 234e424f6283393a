import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Executor } from '../../../../pkg/gen/gilliam/v1/executor';
import { BaseCommand } from '../../base-command';
import { updateExecutor } from '../../lib/update-executor';

export default class ExecutorUncordon extends BaseCommand {
  static override summary = 'Use a cordoned or drained executor again';
  static override examples = ['<%= config.bin %> executor uncordon node-1'];
  static override args = {
    name: Args.string({ description: 'the executor', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(ExecutorUncordon);
    const request = { name: args.name, spec: { cordoned: false, draining: false }, validateOnly: flags.plan };
    const executor = await updateExecutor(this.client, request, this.context.signal);
    this.answer(
      Executor.toJSON(executor),
      flags.plan ? `would uncordon ${args.name}` : `${args.name} uncordoned`,
    );
    if (!flags.plan) this.hint('gilliam executors');
  }
}
