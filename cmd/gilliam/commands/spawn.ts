import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { PreconditionError } from '../../../pkg/base/errors';
import { Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { FormationCommand } from '../formation-command';
import { shortName } from '../lib/instance-line';
import { parsePorts } from '../lib/published-ports';
import { waitForStart } from '../lib/wait-for-start';

export default class Spawn extends FormationCommand {
  static override summary = 'Start one instance of a process, beside those that are scaled';
  static override description =
    'It runs once: it is not restarted, nobody is sent to it by name, and it is removed after its end. What it printed stays in gilliam logs.';
  static override examples = [
    '<%= config.bin %> spawn worker',
    {
      command: '<%= config.bin %> spawn web -r v3 --executor node-1 -p 8080:80',
      description: 'A new release, to be tried at port 8080 of node-1:',
    },
  ];
  static override args = {
    process: Args.string({ description: 'as in scale: web', required: true, ignoreStdin: true }),
  };
  static override flags = {
    release: Flags.string({
      char: 'r',
      description: 'default the release that runs now',
      helpValue: 'RELEASE',
    }),
    executor: Flags.string({ description: 'where; default where there is most room', helpValue: 'NAME' }),
    publish: Flags.string({
      char: 'p',
      description: 'a port of the host and the one inside that it leads to; says whether it could be had',
      helpValue: 'HOST:INSIDE',
      multiple: true,
    }),
    plan: Flags.boolean({ description: 'say what would be started; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Spawn);
    const ports = parsePorts(flags.publish ?? []);
    const { instance: made = Instance.fromPartial({}) } = await this.client.exec.spawn(
      {
        parent: this.parent,
        process: args.process,
        release: flags.release,
        executor: flags.executor,
        ports,
        validateOnly: flags.plan,
      },
      { signal: this.context.signal },
    );
    const name = shortName(made);
    const title = `${name} of ${made.spec?.release}`;
    if (flags.plan) return this.answer(Instance.toJSON(made), `would start ${title}`);
    // Somebody who has chosen a port cannot know whether it is free before its executor has tried.
    const uid = made.metadata?.uid ?? '';
    const started =
      ports.length > 0
        ? await waitForStart(this.client, { parent: this.parent, uid }, this.context)
        : undefined;
    const { state, message = '' } = started?.status ?? {};
    if (state === InstanceState.FAILED) {
      throw new PreconditionError(`${title} did not start: ${message}; see gilliam why ${name}`);
    }
    const waits = state === InstanceState.PENDING;
    this.answer(Instance.toJSON(started ?? made), `${title} ${waits ? `waits: ${message}` : 'starts'}`);
    this.hint(waits ? `gilliam why ${name}` : `gilliam logs -f ${name}`);
  }
}
