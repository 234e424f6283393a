import { createColors } from 'picocolors';
import { commands, loadCommand } from './commands';
import type { Context } from './context';
import { hoistGlobalFlags, resolveCommand } from './lib/command-line';
import { describeError } from './lib/describe-error';
import { AnsweredError, CommandExit } from './lib/errors';
import { newConfig } from './oclif-config';

/** Runs one command line; resolves to the exit code. Never rejects. */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  let command = '';
  try {
    const words = hoistGlobalFlags(argv);
    const resolved = resolveCommand(words, Object.keys(commands));
    if ('help' in resolved) {
      await loadHelp().showHelp(resolved.help, context);
      return 0;
    }
    command = resolved.command;
    const Command = loadCommand(resolved.command);
    await new Command([...resolved.argv], newConfig(), context).execute();
    return 0;
  } catch (error) {
    return report(error, { argv, command }, context);
  }
}

function report(
  error: unknown,
  { argv, command }: { readonly argv: readonly string[]; readonly command: string },
  context: Context,
): number {
  if (error instanceof AnsweredError) return 1;
  if (error instanceof CommandExit) return error.exitCode;
  const { message, exitCode, code } = describeError(error, { command, signal: context.signal });
  const { stderr, stdout, env } = context;
  // Ended by a signal, with nothing to say: as what has no end is meant to be.
  if (message === '') return exitCode;
  stderr.write(`${createColors(stderr.colors).red('error:')} ${message}\n`);
  if (env.GILLIAM_DEBUG && error instanceof Error) stderr.write(`${error.stack}\n`);
  const end = argv.indexOf('--');
  if ((end === -1 ? argv : argv.slice(0, end)).includes('--json')) {
    stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  }
  return exitCode;
}

function loadHelp() {
  // Loaded only where help is asked for: it is large.
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  return require('./help') as typeof import('./help');
}
