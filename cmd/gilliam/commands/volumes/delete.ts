import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Volume } from '../../../../pkg/gen/gilliam/v1/volume';
import { FormationCommand } from '../../formation-command';
import { UsageError } from '../../lib/errors';

export default class VolumesDelete extends FormationCommand {
  static override summary = 'Delete a volume and what is in it';
  static override description =
    'It cannot be undone, so the name is asked for twice, or --yes given. Refused while an instance has the volume. Who asks for it afterwards is given a new, empty one: also when its executor is lost and never comes back.';
  static override examples = [
    '<%= config.bin %> volumes delete _db-1-data --confirm _db-1-data',
    '<%= config.bin %> volumes delete _db-1-data --plan',
  ];
  static override args = {
    name: Args.string({
      description: 'the volume, as gilliam volumes names it',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    confirm: Flags.string({ description: 'the volume’s name once more', helpValue: 'NAME' }),
    yes: Flags.boolean({ char: 'y', description: 'in place of that', exclusive: ['confirm'] }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumesDelete);
    const { name } = args;
    // Whatever speaks against it is said first: what cannot be, nobody has to confirm.
    const confirmed = flags.yes || flags.confirm === name;
    const request = { name: `${this.parent}/volumes/${name}`, validateOnly: flags.plan || !confirmed };
    const { volume } = await this.client.volumes.deleteVolume(request, { signal: this.context.signal });
    if (!flags.plan && !confirmed) {
      throw new UsageError(
        `deleting ${name} cannot be undone: gilliam volumes delete ${name} --confirm ${name}`,
      );
    }
    const where = volume?.spec?.executor ?? '';
    this.answer(
      Volume.toJSON(volume ?? Volume.fromPartial({})),
      flags.plan ? `would delete ${name} on ${where}` : `${name} is being deleted on ${where}`,
    );
  }
}
