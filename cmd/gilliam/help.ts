import { Help } from '@oclif/core/help';
import type { Context } from './context';
import { describeCommands, loadConfig } from './oclif-config';

/** Prints the help of a command, a topic or, without words, of everything. */
export async function showHelp(words: readonly string[], context: Context): Promise<void> {
  const config = await loadConfig(context, describeCommands());
  await new ContextHelp(config, context).showHelp([...words]);
}

class ContextHelp extends Help {
  readonly #context: Context;

  constructor(config: ConstructorParameters<typeof Help>[0], context: Context) {
    super(config, {
      stripAnsi: !context.stdout.colors,
      maxWidth: Math.min(context.stdout.columns, 110),
    });
    this.#context = context;
  }

  /** In the order of commands.ts: the likely ones first. */
  protected override get sortedCommands() {
    return this.config.commands.filter((command) => !command.hidden);
  }

  protected override log(...lines: string[]): void {
    this.#context.stdout.write(`${lines.join('\n')}\n`);
  }
}
