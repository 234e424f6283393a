import * as Flags from '@oclif/core/flags';
import { Volume } from '../../../pkg/gen/gilliam/v1/volume';
import { FormationCommand } from '../formation-command';
import { age } from '../lib/age';
import { listAll } from '../lib/list-all';
import { renderTable } from '../lib/table';

export default class Volumes extends FormationCommand {
  static override summary = 'List what services keep beyond their instances, and on which executors';
  static override description =
    'A volume is made with the first instance that has it, and stays on that instance’s executor: whoever holds the ordinal later is placed there, or waits. Nothing but gilliam volumes delete, or destroying the formation, deletes one.';
  static override examples = [
    '<%= config.bin %> volumes',
    { command: '<%= config.bin %> volumes -A', description: 'Those of all formations:' },
  ];
  static override flags = {
    all: Flags.boolean({ char: 'A', description: 'of every formation of the stage' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Volumes);
    const { signal, stdout, clock } = this.context;
    const parent = flags.all ? 'formations/-' : this.parent;
    const { items } = await listAll(
      (pageToken) => this.client.volumes.listVolumes({ parent, pageToken }, { signal }),
      (answer) => answer.volumes,
    );
    const rows = items.map(({ metadata, spec }) => [
      ...(flags.all ? [metadata?.formation ?? ''] : []),
      metadata?.name ?? '',
      `${spec?.service}.${spec?.ordinal}`,
      spec?.executor ?? '',
      age(metadata?.created, clock.now()),
      metadata?.deleted ? this.colors.yellow('deleting') : 'kept',
    ]);
    const columns = ['NAME', 'OF', 'EXECUTOR', 'MADE', 'STATE'];
    const heading = stdout.isTerminal ? [...(flags.all ? ['FORMATION'] : []), ...columns] : undefined;
    this.answer(
      items.map((volume) => Volume.toJSON(volume)),
      renderTable(rows, { heading, colors: this.colors }),
    );
  }
}
