import { rmSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Formation } from '../../../pkg/gen/gilliam/v1/formation';
import { BaseCommand } from '../base-command';
import { appFileName, readAppFile } from '../lib/app-file';
import { UsageError } from '../lib/errors';

export default class Destroy extends BaseCommand {
  static override summary = 'Stop all of a formation and forget it: releases, configuration, events';
  static override description =
    'It cannot be undone, so the name is asked for twice. Removes .gilliam.app of this directory where it names the formation.';
  static override examples = ['<%= config.bin %> destroy shop --confirm shop'];
  static override args = {
    name: Args.string({ description: 'the formation', required: true, ignoreStdin: true }),
  };
  static override flags = {
    confirm: Flags.string({ description: 'the formation’s name once more', helpValue: 'NAME' }),
    'delete-volumes': Flags.boolean({
      description:
        'delete what its services keep in volumes, too; without it such a formation is not destroyed',
    }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Destroy);
    const { signal, cwd } = this.context;
    // Whatever speaks against it is said first: what cannot be, nobody has to confirm.
    const confirmed = flags.confirm === args.name;
    const request = {
      name: `formations/${args.name}`,
      validateOnly: flags.plan || !confirmed,
      deleteVolumes: flags['delete-volumes'],
    };
    const { formation } = await this.client.formations.deleteFormation(request, { signal });
    if (!flags.plan && !confirmed) {
      throw new UsageError(
        `destroying ${args.name} cannot be undone: gilliam destroy ${args.name} --confirm ${args.name}`,
      );
    }
    const json = Formation.toJSON(formation ?? Formation.fromPartial({}));
    if (flags.plan) return this.answer(json, `would stop all instances of ${args.name} and forget it`);
    const file = readAppFile(cwd);
    if (file?.formation === args.name) rmSync(file.path, { force: true });
    this.answer(
      json,
      file?.formation === args.name
        ? `formation ${args.name} is being destroyed, ${appFileName} removed`
        : `formation ${args.name} is being destroyed`,
    );
  }
}
