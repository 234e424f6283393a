import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command';
import { completionScripts } from '../lib/completion-scripts';

export default class Completion extends BaseCommand {
  static override summary = 'Print the script that completes commands, flags and names in a shell';
  static override examples = [
    { command: 'source <(<%= config.bin %> completion bash)', description: 'In ~/.bashrc or ~/.zshrc:' },
    {
      command: '<%= config.bin %> completion fish > ~/.config/fish/completions/gilliam.fish',
      description: 'For fish, once:',
    },
  ];
  static override args = {
    shell: Args.string({
      description: 'for which shell',
      options: ['bash', 'zsh', 'fish'],
      required: true,
      ignoreStdin: true,
    }),
  };

  override async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const script = completionScripts[args.shell as keyof typeof completionScripts];
    this.answer({ shell: args.shell, script }, script.trimEnd());
  }
}
