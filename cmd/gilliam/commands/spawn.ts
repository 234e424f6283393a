import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Instance } from '../../../pkg/gen/gilliam/v1/instance';
import { FormationCommand } from '../formation-command';
import { shortName } from '../lib/instance-line';
import { parsePorts } from '../lib/published-ports';

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
      description: 'a port of the host and the one inside that it leads to',
      helpValue: 'HOST:INSIDE',
      multiple: true,
    }),
    plan: Flags.boolean({ description: 'say what would be started; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Spawn);
    const { instance = Instance.fromPartial({}) } = await this.client.exec.spawn(
      {
        parent: this.parent,
        process: args.process,
        release: flags.release,
        executor: flags.executor,
        ports: parsePorts(flags.publish ?? []),
        validateOnly: flags.plan,
      },
      { signal: this.context.signal },
    );
    const name = shortName(instance);
    const title = `${name} of ${instance.spec?.release}`;
    this.answer(Instance.toJSON(instance), flags.plan ? `would start ${title}` : `${title} starts`);
    if (!flags.plan) this.hint(`gilliam logs -f ${name}`);
  }
}
