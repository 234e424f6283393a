import { ApplyCommand } from '../apply-command';

export default class Diff extends ApplyCommand {
  static override summary = 'See what gilliam apply would change';
  static override description =
    'Says, field by field and instance by instance, what would be created, changed and stopped, and why. Changes nothing: the same as gilliam apply --plan.';
  static override examples = ['<%= config.bin %> diff', '<%= config.bin %> diff -f services/'];
  static override flags = {
    file: ApplyCommand.fileFlag,
    prune: ApplyCommand.pruneFlag,
    retry: ApplyCommand.retryFlag,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Diff);
    const system = await this.readSystem(flags.file ?? []);
    this.answerPlan(await this.plan(system, { prune: flags.prune ?? false, retry: flags.retry ?? false }));
  }
}
