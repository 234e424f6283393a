import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { NotFoundError } from '../../../pkg/base/errors';
import { Formation } from '../../../pkg/gen/gilliam/v1/formation';
import { FormationCommand } from '../formation-command';
import { getFormation, updateFormation } from '../lib/formation-spec';

export default class Share extends FormationCommand {
  static override summary = 'Let other formations use an auxiliary service';
  static override description =
    'Without a share, only instances of its own formation reach an auxiliary service: by name, by address, and through published ports. Other services need none. It holds within a second, without any restart.';
  static override examples = [
    '<%= config.bin %> share _cache --with blog',
    { command: "<%= config.bin %> share _cache --with '*'", description: 'With all formations:' },
  ];
  static override args = {
    service: Args.string({ description: 'the service', required: true, ignoreStdin: true }),
  };
  static override flags = {
    with: Flags.string({
      description: 'a formation, or * for all; may be given several times',
      helpValue: 'FORMATION',
      multiple: true,
      multipleNonGreedy: true,
      required: true,
    }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Share);
    const { service } = args;
    const { signal } = this.context;
    const before = await getFormation(this.client, this.parent, signal);
    const shared = before.spec?.shares[service]?.with ?? [];
    const all = [...new Set([...shared, ...flags.with])].sort();
    const json = (formation: Formation) => Formation.toJSON(formation);
    if (all.length === shared.length) {
      return this.answer(json(before), `${service} is shared with ${all.join(', ')} already`);
    }
    const change = {
      spec: { shares: { [service]: { with: all } } },
      mask: [`shares.${service}`],
      plan: flags.plan,
    };
    const after = await updateFormation(this.client, before, change, signal);
    const done = flags.plan ? `would share ${service} with` : `${service} is shared with`;
    await this.#warnOf(flags.with.filter((other) => other !== '*'));
    this.answer(json(after), `${done} ${all.join(', ')}`);
    const [other = ''] = flags.with;
    if (!flags.plan && other !== '*') {
      this.hint(
        `gilliam import ${service.replace(/^_/, '')}=${service}.${this.formation} --formation ${other}`,
      );
    }
  }

  /** Of formations that are not there: they may come later, so nothing is refused. */
  async #warnOf(formations: readonly string[]): Promise<void> {
    for (const formation of formations) {
      await getFormation(this.client, `formations/${formation}`, this.context.signal).catch(
        (error: unknown) => {
          if (!(error instanceof NotFoundError)) throw error;
          this.warning(`--with: ${error.message}`);
        },
      );
    }
  }
}
