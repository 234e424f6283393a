import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { ExistsError } from '../../../pkg/base/errors';
import { Formation } from '../../../pkg/gen/gilliam/v1/formation';
import { defaultStage } from '../../../pkg/stage/paths';
import { BaseCommand } from '../base-command';
import { appFileName, formatAppFile, readAppFile } from '../lib/app-file';

export default class Create extends BaseCommand {
  static override summary = 'Create a formation, and tie this directory to it';
  static override description =
    'Writes .gilliam.app into this directory: commands that are given here or below are about this formation.';
  static override examples = ['<%= config.bin %> create shop'];
  static override args = {
    name: Args.string({
      description: 'lower-case letters, digits and hyphens',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Create);
    const { cwd, signal } = this.context;
    const file = readAppFile(cwd);
    if (file && file.formation !== args.name) {
      throw new ExistsError(
        `${file.path} ties this directory to formation "${file.formation}": remove the file first, or go to another directory`,
      );
    }
    accessSync(cwd, constants.W_OK);
    const request = { formation: { metadata: { name: args.name } }, validateOnly: flags.plan };
    const { formation } = await this.client.formations.createFormation(request, { signal });
    const created = Formation.toJSON(formation ?? Formation.fromPartial({}));
    if (flags.plan)
      return this.answer(created, [`would create formation ${args.name}`, `would write ${appFileName}`]);

    const stage = this.stageName === defaultStage ? undefined : this.stageName;
    writeFileSync(join(cwd, appFileName), formatAppFile({ formation: args.name, stage }));
    this.answer(created, `formation ${args.name} created, ${appFileName} written`);
    this.hint('gilliam deploy');
  }
}
