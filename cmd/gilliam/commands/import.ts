import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Formation } from '../../../pkg/gen/gilliam/v1/formation';
import { FormationCommand } from '../formation-command';
import { UsageError } from '../lib/errors';
import { getFormation, updateFormation } from '../lib/formation-spec';
import { targetStates } from '../lib/route-target-state';

export default class Import extends FormationCommand {
  static override summary = "Give another formation's service a name of this formation's own";
  static override description =
    'Instances of this formation then reach web.accounts as users. A service of this formation that has the name comes first. An auxiliary service has to be shared by its formation, too.';
  static override examples = [
    '<%= config.bin %> import users=web.accounts',
    '<%= config.bin %> import --remove users',
  ];
  static override args = {
    pairs: Args.string({
      description: 'NAME=SERVICE.FORMATION, one or several',
      multiple: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    remove: Flags.string({
      description: 'forget a name; may be given several times',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Import);
    const imports = parseImports(args.pairs ?? []);
    const removed = flags.remove ?? [];
    const names = [...Object.keys(imports), ...removed];
    if (names.length === 0)
      throw new UsageError('nothing is to be imported: gilliam import users=web.accounts');
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new UsageError(`${twice} is given twice: say once what it is to be`);
    const { signal } = this.context;
    const before = await getFormation(this.client, this.parent, signal);
    const change = { spec: { imports }, mask: names.map((name) => `imports.${name}`), plan: flags.plan };
    const after = await updateFormation(this.client, before, change, signal);
    await this.#warnOf(imports);
    const would = flags.plan ? 'would import' : 'imported';
    this.answer(Formation.toJSON(after), [
      ...Object.entries(imports).map(([name, target]) => `${would} ${target} as ${name}`),
      ...removed.map((name) => `${flags.plan ? 'would forget' : 'forgot'} ${name}`),
    ]);
  }

  /** Of services that are not there: they may come later, so nothing is refused. */
  async #warnOf(imports: Readonly<Record<string, string>>): Promise<void> {
    const services = Object.entries(imports).map(([name, target]) => [name, `${target}.service`] as const);
    const states = await targetStates(
      this.client,
      services.map(([, service]) => service),
      this.context,
    );
    for (const [name, service] of services) {
      const state = states.get(service);
      if (state?.state === 'no service') this.warning(`${name} leads nowhere for now: ${state.why}`);
    }
  }
}

function parseImports(words: readonly string[]): Record<string, string> {
  const pairs = words.map((word): [string, string] => {
    const [name = '', target = '', ...rest] = word.split('=');
    if (name === '' || target === '' || rest.length > 0) {
      throw new UsageError(
        `${JSON.stringify(word)} is not NAME=SERVICE.FORMATION, such as users=web.accounts`,
      );
    }
    return [name, target];
  });
  const twice = pairs.find(([name], index) => pairs.findIndex(([other]) => other === name) !== index);
  if (twice) throw new UsageError(`${twice[0]} is given twice: say once what it is to be`);
  return Object.fromEntries(pairs);
}
