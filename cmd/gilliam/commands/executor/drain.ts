import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Executor } from '../../../../pkg/gen/gilliam/v1/executor';
import { BaseCommand } from '../../base-command';
import { parseDuration } from '../../lib/duration';
import { updateExecutor } from '../../lib/update-executor';
import { waitForDrain } from '../../lib/wait-for-drain';

export default class ExecutorDrain extends BaseCommand {
  static override summary = 'Move everything off an executor: replaced elsewhere first, then stopped';
  static override examples = [
    '<%= config.bin %> executor drain node-1 --wait',
    { command: '<%= config.bin %> executor uncordon node-1', description: 'Take it back into use:' },
  ];
  static override args = {
    name: Args.string({ description: 'the executor', required: true, ignoreStdin: true }),
  };
  static override flags = {
    wait: Flags.boolean({ char: 'w', description: 'wait until nothing runs there' }),
    timeout: Flags.string({ description: 'how long to wait', default: '5m', helpValue: 'TIME' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(ExecutorDrain);
    const timeoutMs = parseDuration(flags.timeout);
    const request = { name: args.name, spec: { cordoned: true, draining: true }, validateOnly: flags.plan };
    const executor = await updateExecutor(this.client, request, this.context.signal);
    const json = Executor.toJSON(executor);
    if (flags.plan)
      return this.answer(json, `would replace elsewhere what runs on ${args.name}, then stop it there`);
    if (flags.wait) await waitForDrain(this.client, this.context, { executor: args.name, timeoutMs });
    this.answer(json, flags.wait ? `${args.name} drained` : `${args.name} is draining`);
    this.hint('gilliam executors');
  }
}
