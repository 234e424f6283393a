import { FormationCommand } from '../formation-command';
import { getFormation } from '../lib/formation-spec';
import { renderTable } from '../lib/table';

export default class Imports extends FormationCommand {
  static override summary = "List this formation's names for services of others";
  static override examples = ['<%= config.bin %> imports'];

  override async run(): Promise<void> {
    await this.parse(Imports);
    const formation = await getFormation(this.client, this.parent, this.context.signal);
    const imports = Object.entries(formation.spec?.imports ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const heading = this.context.stdout.isTerminal ? ['NAME', 'STANDS FOR'] : undefined;
    this.answer(Object.fromEntries(imports), renderTable(imports, { heading, colors: this.colors }));
    if (imports.length === 0) this.hint('gilliam import users=web.accounts');
  }
}
