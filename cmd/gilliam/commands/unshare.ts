import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Formation } from '../../../pkg/gen/gilliam/v1/formation';
import { FormationCommand } from '../formation-command';
import { getFormation, updateFormation } from '../lib/formation-spec';

export default class Unshare extends FormationCommand {
  static override summary = 'Keep an auxiliary service to its own formation again';
  static override description =
    'New connections of the others are refused within a second. Those that are open stay until they end.';
  static override examples = [
    '<%= config.bin %> unshare _cache',
    { command: '<%= config.bin %> unshare _cache --with blog', description: 'Only from one:' },
  ];
  static override args = {
    service: Args.string({ description: 'the service', required: true, ignoreStdin: true }),
  };
  static override flags = {
    with: Flags.string({
      description: 'a formation that it is shared with; default all',
      helpValue: 'FORMATION',
      multiple: true,
      multipleNonGreedy: true,
    }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Unshare);
    const { service } = args;
    const { signal } = this.context;
    const before = await getFormation(this.client, this.parent, signal);
    const shared = before.spec?.shares[service]?.with ?? [];
    const without = new Set(flags.with ?? shared);
    const left = shared.filter((other) => !without.has(other));
    if (left.length === shared.length) {
      const others = flags.with ? ` with ${flags.with.join(', ')}` : '';
      return this.answer(Formation.toJSON(before), `${service} is not shared${others}: nothing to do`);
    }
    const shares = left.length > 0 ? { [service]: { with: left } } : {};
    const change = { spec: { shares }, mask: [`shares.${service}`], plan: flags.plan };
    const after = await updateFormation(this.client, before, change, signal);
    const rest = left.length > 0 ? `shared with ${left.join(', ')} only` : `${this.formation}'s own`;
    this.answer(
      Formation.toJSON(after),
      flags.plan ? `${service} would be ${rest}` : `${service} is ${rest}`,
    );
  }
}
