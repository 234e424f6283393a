import { join, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { checkInvitation, checkVersions } from '../../../pkg/stage/check-invitation';
import { type Invitation, parseInvitation } from '../../../pkg/stage/invitation';
import { candidateFor } from '../../../pkg/stage/join';
import { withLock } from '../../../pkg/stage/lock';
import type { UpPlan } from '../../../pkg/stage/plan-up';
import { Up } from '../../../pkg/stage/up';
import { UsageError } from '../lib/errors';
import { stageContext } from '../lib/stage-context';
import { readText } from '../lib/user-file';
import { UpCommand } from '../up-command';

/** An invitation has some 2 KiB. */
const maxBytes = 64 * 1024;
const advice = 'give the file that has what "gilliam executor invite" prints, or - for standard input';

export default class Join extends UpCommand {
  static override summary = 'Make this machine an executor of a stage';
  static override description =
    'Takes an invitation, as "gilliam executor invite" prints it on the machine of the stage: from a file, or with - from standard input. Starts registry and proxy, a router, an executor, and Docker where it may. Again, it starts what is not running; with a later invitation, it follows the stage to where that is now.';
  static override examples = [
    '<%= config.bin %> executor invite | ssh node-2 gilliam join -',
    '<%= config.bin %> join invitation --name node-2 --address 10.0.0.2',
  ];
  static override args = {
    invitation: Args.string({
      description: 'a file, or - for standard input',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    ...UpCommand.upFlags,
    name: Flags.string({ description: "what the executor is called; default the machine's name" }),
    address: Flags.string({
      description:
        'the name or address at which other machines reach this one; default the address by which it reaches the stage',
      helpValue: 'HOST',
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Join);
    const { signal } = this.context;
    const invitation = parseInvitation(await this.#read(args.invitation));
    const asked = this.globalFlag('stage');
    if (asked !== undefined && asked !== invitation.stage) {
      throw new UsageError(
        `the invitation is to stage "${invitation.stage}", not "${asked}": leave --stage out`,
      );
    }
    checkVersions(invitation.stage, invitation.version, this.context.version);
    const stage = stageContext(invitation.stage, this.context);
    const { name, address } = await candidateFor(stage, invitation, flags);
    const up = new Up(stage, {
      httpPort: flags['http-port'],
      httpsPort: flags['https-port'],
      hostPortBase: flags['host-port-base'],
      address,
      joining: { invitation, name },
    });
    await up.check(signal);
    await checkInvitation(stage, invitation, { name, address }, signal);
    const work = async () => {
      const plan = await this.bringUp(up, { ...flags, stage: invitation.stage });
      if (plan) this.#tell(up, plan, invitation);
    };
    await (flags.plan ? work() : withLock(join(stage.paths.run, 'lock'), 'up, join or down', work));
  }

  async #read(source: string): Promise<string> {
    const { stdin, cwd, signal } = this.context;
    if (source !== '-') return readText(resolve(cwd, source), source, { maxBytes, advice });
    if (stdin.isTerminal) this.note('paste the invitation, then Ctrl-D:');
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of stdin.read(signal)) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > maxBytes) break;
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  #tell(up: Up, plan: UpPlan, { stage, api }: Invitation): void {
    const started = plan.steps.includes('start');
    const { executor, routerPorts, remarks } = up;
    this.answer(
      { stage, executor: executor.name, host: executor.host, api, router: routerPorts, started, remarks },
      [
        `${executor.name} at ${executor.host} ${started ? 'is' : 'was already'} an executor of stage ${stage}`,
        ...(routerPorts ? [`router: http port ${routerPorts.http}, https port ${routerPorts.https}`] : []),
      ],
    );
    this.warnOf(plan, up);
    this.hint('gilliam executors, on the machine of the stage');
  }
}
