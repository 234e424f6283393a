import * as Flags from '@oclif/core/flags';
import type { RunRequest } from '../../../pkg/gen/gilliam/v1/exec_service';
import {
  RunStart,
  type RunResponse,
  type TerminalInput,
  type TerminalOutput,
} from '../../../pkg/gen/gilliam/v1/exec_service';
import { Instance } from '../../../pkg/gen/gilliam/v1/instance';
import { FormationCommand } from '../formation-command';
import { parseEnv } from '../lib/command-env';
import { CommandOutput } from '../lib/command-output';
import { splitLine } from '../lib/command-tail';
import { converse } from '../lib/converse';
import { CommandExit, UsageError } from '../lib/errors';
import { instanceTitle, shortName, shownState } from '../lib/instance-line';
import { Progress } from '../lib/progress';

export default class Run extends FormationCommand {
  static override summary = 'Run a command once, in the environment of a release';
  static override description =
    'The command runs as an instance of its own that is removed after, with the image and the configuration of the release that runs now. What is piped in is its input, what it prints comes out on the same streams, and its exit code is that of gilliam: 127 when it does not exist, 126 when it is no program, 125 when it could not be tried. Ctrl-C goes to it; a second one, or the end of gilliam, stops it. Flags behind the command are its own.';
  static override usage = 'run [-t] [-r v2] [--process web] [--executor H] COMMAND…';
  static override examples = [
    '<%= config.bin %> run rake db:migrate',
    { command: '<%= config.bin %> run -t bash', description: 'With a terminal:' },
    { command: '<%= config.bin %> run -r v2 env', description: 'Of another release:' },
    { command: 'cat dump.sql | <%= config.bin %> run psql', description: 'With input from a pipe:' },
  ];
  static override strict = false;
  static override flags = {
    tty: Flags.boolean({ char: 't', description: 'with a terminal: for shells, editors and the like' }),
    release: Flags.string({
      char: 'r',
      description: 'default the release that runs now',
      helpValue: 'RELEASE',
    }),
    process: Flags.string({
      description: 'as this process has it: its image, environment, resources and requirements',
      helpValue: 'PROCESS',
    }),
    executor: Flags.string({ description: 'where; default where there is most room', helpValue: 'NAME' }),
    env: Flags.string({
      char: 'e',
      description: 'one more variable of its environment',
      helpValue: 'NAME=VALUE',
      multiple: true,
    }),
    plan: Flags.boolean({ description: 'say what would be run; run nothing' }),
  };

  #progress: Progress | undefined;
  #instance: Instance | undefined;

  override async run(): Promise<void> {
    const { own, tail } = splitLine(this.argv, { ...Run.flags, ...Run.baseFlags }, 0);
    this.argv = [...own];
    const { flags } = await this.parse(Run);
    if (tail.length === 0 && !flags.process) throw new UsageError('COMMAND is missing: gilliam run --help');
    const { stdin, signal } = this.context;
    const { release = '', process = '', executor = '' } = flags;
    if (flags.plan) {
      const request = { parent: this.parent, process, release, command: [...tail], executor };
      const { instance } = await this.client.exec.spawn({ ...request, validateOnly: true }, { signal });
      const what = tail.length > 0 ? tail.join(' ') : `the command of ${process}`;
      return this.answer(Instance.toJSON(instance ?? Instance.fromPartial({})), [
        `would run ${what} in ${instance?.spec?.release}`,
      ]);
    }
    if (flags.tty && !stdin.isTerminal) {
      throw new UsageError('-t needs a terminal, and standard input is none: leave it out');
    }
    const env = parseEnv(flags.env ?? []);
    const { TERM } = this.context.env;
    const start = RunStart.fromPartial({
      ...{ parent: this.parent, release, process, executor, command: [...tail] },
      ...{ tty: flags.tty, size: flags.tty ? stdin.size : undefined },
      env: flags.tty && TERM ? { TERM, ...env } : env,
    });
    const output = new CommandOutput(this.context, this.jsonEnabled());
    const exit = await this.#converse(start, output);
    if (this.jsonEnabled()) {
      const about = {
        instance: this.#instance && shortName(this.#instance),
        release: this.#instance?.spec?.release,
      };
      this.json(output.answer(exit, about));
    } else if (exit.error) this.note(`gilliam: ${exit.error}`);
    if (exit.code !== 0) throw new CommandExit(exit.code);
  }

  async #converse(start: RunStart, output: CommandOutput) {
    this.#progress = new Progress(this.context.stderr, this.context.clock);
    try {
      return await converse(this.context, {
        tty: start.tty,
        open: (input, signal) => this.#parts(this.client.exec.run(requests(start, input), { signal })),
        print: (stream, bytes) => output.print(stream, bytes),
      });
    } finally {
      this.#progress.dispose();
    }
  }

  async *#parts(responses: AsyncIterable<RunResponse>): AsyncGenerator<TerminalOutput | undefined> {
    for await (const { message } of responses) {
      if (message?.$case === 'instance') {
        this.#instance = message.value;
        const { status } = message.value;
        // Said only where it takes a while.
        if (status?.message) {
          this.#progress?.update(
            `${instanceTitle(message.value)} ${shownState(message.value)}: ${status.message}`,
          );
        }
      } else if (message?.$case === 'output') {
        this.#progress?.dispose();
        yield message.value;
      }
    }
  }
}

async function* requests(start: RunStart, input: AsyncIterable<TerminalInput>): AsyncGenerator<RunRequest> {
  yield { message: { $case: 'start', value: start } };
  for await (const value of input) yield { message: { $case: 'input', value } };
}
