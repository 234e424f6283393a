import * as Flags from '@oclif/core/flags';
import { manifestJsonSchema, typeJsonSchema } from '../../../pkg/manifest/json-schema';
import { BaseCommand } from '../base-command';

export default class Schema extends BaseCommand {
  static override summary = 'Print the JSON Schema of gilliam.yml';
  static override description =
    'For editors, which complete and check a file by it: write it beside the file, and name it in its first line with "# yaml-language-server: $schema=gilliam.schema.json".';
  static override examples = [
    '<%= config.bin %> schema > gilliam.schema.json',
    '<%= config.bin %> schema --type > gilliam-type.schema.json',
  ];
  static override flags = {
    type: Flags.boolean({ description: 'that of a type of auxiliary services, in gilliam.types' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Schema);
    const schema = flags.type ? typeJsonSchema() : manifestJsonSchema();
    this.answer(schema, JSON.stringify(schema, null, 2));
  }
}
