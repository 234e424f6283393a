import type { Interfaces } from '@oclif/core';
import { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import * as Flags from '@oclif/core/flags';
import * as Parser from '@oclif/core/parser';
import { createColors } from 'picocolors';
import type { Client } from '../../pkg/client/client';
import { defaultStage } from '../../pkg/stage/paths';
import { readStageFile, type StageFile } from '../../pkg/stage/stage-file';
import type { Context } from './context';
import { type AppFile, findAppFile } from './lib/app-file';

/**
 * What every command has: its context, `--stage` and `--json`, the stage's client, and the ways to print. A command's
 * `run()` parses, calls one function and prints. Whatever it throws, run.ts prints as one line and makes the exit code.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags: Interfaces.FlagInput = {
    stage: Flags.string({
      description: 'the stage to talk to; default $GILLIAM_STAGE, then .gilliam.app, then local',
      helpGroup: 'GLOBAL',
      helpValue: 'NAME',
    }),
    json: Flags.boolean({ description: 'print one JSON value and nothing else', helpGroup: 'GLOBAL' }),
  };

  #flags: Readonly<Record<string, unknown>> = {};
  #client: Client | undefined;
  #stageFile: StageFile | undefined;
  #appFile: { readonly found: AppFile | undefined } | undefined;

  constructor(
    argv: string[],
    config: Config,
    protected readonly context: Context,
  ) {
    super(argv, config);
  }

  /** Runs the command, and ends what it has started. */
  async execute(): Promise<void> {
    try {
      await this.run();
    } finally {
      this.#client?.close();
    }
  }

  protected override async parse<
    F extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    B extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    A extends Interfaces.OutputArgs<Interfaces.ArgInput>,
  >(options: Interfaces.Input<F, B, A>): Promise<Interfaces.ParserOutput<F, B, A>> {
    // Not super.parse: it runs hooks, and for those all of oclif's configuration would have to be loaded.
    const flags = { ...options.flags, ...options.baseFlags };
    const parsed = await Parser.parse<F, B, A>(this.argv, {
      ...options,
      flags,
      context: this,
    } as unknown as typeof options);
    this.#flags = parsed.flags;
    return parsed;
  }

  /** The value of a flag that every command, or every command of a formation, has; undefined when not given. */
  protected globalFlag(name: string): string | undefined {
    const value = this.#flags[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  override jsonEnabled(): boolean {
    return this.#flags.json === true;
  }

  /** The nearest `.gilliam.app`, here or above. */
  protected get appFile(): AppFile | undefined {
    this.#appFile ??= { found: findAppFile(this.context.cwd) };
    return this.#appFile.found;
  }

  protected get stageName(): string {
    return this.globalFlag('stage') || this.context.env.GILLIAM_STAGE || this.appFile?.stage || defaultStage;
  }

  /** What is known here of the stage. */
  protected get stageFile(): StageFile {
    this.#stageFile ??= readStageFile(this.stageName, this.context.env);
    return this.#stageFile;
  }

  /** The client of the stage's API; closed when the command ends. */
  protected get client(): Client {
    if (!this.#client) {
      const { api, token, ca } = this.stageFile;
      const user = this.context.env.USER ?? this.context.env.LOGNAME;
      this.#client = this.context.connect({ address: api, token, ca, stage: this.stageName, user });
    }
    return this.#client;
  }

  /** Colours for stdout: plain text where it does not want any. */
  protected get colors() {
    return createColors(this.context.stdout.colors);
  }

  /** The command's answer: `json` with `--json`, otherwise the lines. */
  protected answer(json: unknown, lines: readonly string[] | string): void {
    if (this.jsonEnabled()) return this.json(json);
    for (const line of typeof lines === 'string' ? [lines] : lines) this.line(line);
  }

  protected json(value: unknown): void {
    this.context.stdout.write(`${JSON.stringify(value, null, this.context.stdout.isTerminal ? 2 : 0)}\n`);
  }

  /** One JSON object of several, each on a line: for what has no end. */
  protected jsonLine(value: unknown): void {
    this.context.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A line on stdout; nothing with `--json`. */
  protected line(text: string): void {
    if (!this.jsonEnabled()) this.context.stdout.write(`${text}\n`);
  }

  /** Something a person should know, on stderr. */
  protected note(text: string): void {
    this.context.stderr.write(`${text}\n`);
  }

  protected warning(text: string): void {
    this.note(`${createColors(this.context.stderr.colors).yellow('warning:')} ${text}`);
  }

  /** The likely next command; for people only. */
  protected hint(command: string | undefined): void {
    if (command === undefined || !this.hintsWanted) return;
    const { stderr } = this.context;
    stderr.write(`${createColors(stderr.colors).dim(`next: ${command}`)}\n`);
  }

  /** A hint that has to be asked for: for people only, and never what a command fails for. */
  protected async hintFrom(find: () => Promise<string | undefined>): Promise<void> {
    if (this.hintsWanted) this.hint(await find().catch(() => undefined));
  }

  protected get hintsWanted(): boolean {
    const { stdout, stderr } = this.context;
    return !this.jsonEnabled() && stdout.isTerminal && stderr.isTerminal;
  }
}
