import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import {
  ExecStart,
  type ExecRequest,
  type ExecResponse,
  type TerminalInput,
  type TerminalOutput,
} from '../../../pkg/gen/gilliam/v1/exec_service';
import { FormationCommand } from '../formation-command';
import { CommandOutput } from '../lib/command-output';
import { splitLine } from '../lib/command-tail';
import { converse } from '../lib/converse';
import { CommandExit, UsageError } from '../lib/errors';

export default class Exec extends FormationCommand {
  static override summary = 'Run a command inside a running instance';
  static override description =
    'The command runs in the instance’s container, beside its own. Input, output, exit code and signals are those of gilliam run. When gilliam ends, the command does.';
  static override usage = 'exec [-t] INSTANCE COMMAND…';
  static override examples = [
    { command: '<%= config.bin %> exec -t web.1 bash', description: 'A shell in web.1:' },
    '<%= config.bin %> exec web.1 cat /etc/hosts',
  ];
  static override strict = false;
  static override args = {
    instance: Args.string({ description: 'as in ps: web.1', required: true, ignoreStdin: true }),
  };
  static override flags = {
    tty: Flags.boolean({ char: 't', description: 'with a terminal: for shells, editors and the like' }),
    plan: Flags.boolean({ description: 'say what would be run; run nothing' }),
  };

  override async run(): Promise<void> {
    const { own, tail } = splitLine(this.argv, { ...Exec.flags, ...Exec.baseFlags }, 1);
    this.argv = [...own];
    const { args, flags } = await this.parse(Exec);
    if (tail.length === 0) throw new UsageError('COMMAND is missing: gilliam exec --help');
    const { stdin, signal } = this.context;
    const name = `${this.parent}/instances/${args.instance}`;
    if (flags.plan) {
      await this.client.instances.getInstance({ name }, { signal });
      return this.answer({ instance: args.instance, command: tail }, [
        `would run ${tail.join(' ')} in ${args.instance}`,
      ]);
    }
    if (flags.tty && !stdin.isTerminal) {
      throw new UsageError('-t needs a terminal, and standard input is none: leave it out');
    }
    const size = flags.tty ? stdin.size : undefined;
    const start = ExecStart.fromPartial({ name, command: [...tail], tty: flags.tty, size });
    const output = new CommandOutput(this.context, this.jsonEnabled());
    const exit = await converse(this.context, {
      tty: start.tty,
      open: (input, until) => parts(this.client.exec.exec(requests(start, input), { signal: until })),
      print: (stream, bytes) => output.print(stream, bytes),
    });
    if (this.jsonEnabled()) this.json(output.answer(exit, { instance: args.instance }));
    else if (exit.error) this.note(`gilliam: ${exit.error}`);
    if (exit.code !== 0) throw new CommandExit(exit.code);
  }
}

async function* parts(responses: AsyncIterable<ExecResponse>): AsyncGenerator<TerminalOutput | undefined> {
  for await (const { output } of responses) yield output;
}

async function* requests(start: ExecStart, input: AsyncIterable<TerminalInput>): AsyncGenerator<ExecRequest> {
  yield { message: { $case: 'start', value: start } };
  for await (const value of input) yield { message: { $case: 'input', value } };
}
