import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Instance } from '../../../pkg/gen/gilliam/v1/instance';
import { FormationCommand } from '../formation-command';
import { shortName } from '../lib/instance-line';

export default class Stop extends FormationCommand {
  static override summary = 'Stop an instance';
  static override description =
    'One that was spawned or run is gone after. One that a scale factor asks for is replaced: gilliam scale for fewer of them.';
  static override examples = ['<%= config.bin %> stop worker.3'];
  static override args = {
    instance: Args.string({ description: 'as in ps: web.1', required: true, ignoreStdin: true }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be stopped; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Stop);
    const name = `${this.parent}/instances/${args.instance}`;
    const { instance = Instance.fromPartial({}) } = await this.client.instances.stopInstance(
      { name, validateOnly: flags.plan },
      { signal: this.context.signal },
    );
    const replaced = instance.spec?.oneOff ? '' : ': it is replaced while its scale factor asks for it';
    const title = shortName(instance);
    this.answer(
      Instance.toJSON(instance),
      flags.plan ? `would stop ${title}${replaced}` : `${title} stops${replaced}`,
    );
  }
}
